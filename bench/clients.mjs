/*
 * The official client of OpenAI for Node: texts come as lines of JSON, their
 * vectors go out so.
 *
 * usage: clients.mjs directory-of-the-sdks url
 */

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [, , sdks, url] = process.argv;
const OpenAI = createRequire(`${sdks}/`)("openai");
const client = new OpenAI({
    baseURL: `${url}/v1`, apiKey: "k", maxRetries: 0,
});

createInterface({ input: process.stdin }).on("line", async (line) => {
    const text = JSON.parse(line);
    const answer = await client.embeddings.create({ model: "m", input: text });

    console.log(JSON.stringify({ text, vector: answer.data[0].embedding }));
});
