/*
 * The official SDKs, as they are: the same calls, all at once, through nginx
 * and straight to the backend, have to give the same answers.
 *
 * usage: client.mjs directory-of-the-sdks url-of-nginx url-of-the-backend
 *
 * Reports in TAP.
 */

import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";

const [, , sdks, nginx, backend] = process.argv;

const require = createRequire(`${sdks}/`);
const OpenAI = require("openai");
const { Ollama } = require("ollama");
const { CohereClientV2 } = require("cohere-ai");
const { VoyageAIClient } = require("voyageai");
const { GoogleGenAI } = require("@google/genai");

const ENCODINGS = [{}, {}, { encoding_format: "float" },
                   { encoding_format: "base64" }];
const TASKS = ["RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "CLUSTERING"];

const list = (n, text) => Array.from({ length: n }, (_, k) => `${text} ${k}`);


/* a text, texts, tokens or arrays of tokens; every fourth in other encodings */

function openaiRequest(i) {
    const inputs = [
        `text ${i}`,
        list(1 + i % 4, `text ${i}, part`),
        [i, i + 1, 5],
        [[i, 2], [3, i, 4]],
        `Grüße ${i} \u{1f600} "quoted" \\ and\na line`,
    ];

    return {
        model: "text-embedding-3-small",
        input: inputs[i * 7 % inputs.length],
        ...ENCODINGS[i * 3 % ENCODINGS.length],
        ...(i % 6 === 0 ? { dimensions: 12 } : {}),
    };
}


function openaiClient(base) {
    return new OpenAI({ baseURL: `${base}/v1`, apiKey: "sk-test",
                        maxRetries: 0, timeout: 30000 });
}


/* each: calls, and for a base URL the function that makes the i-th of them */

const APIS = {

    "openai embeddings": [200, (base) => {
        const client = openaiClient(base);

        return (i) => client.embeddings.create(openaiRequest(i));
    }],

    "openai completions": [60, (base) => {
        const client = openaiClient(base);

        return (i) => client.completions.create({
            model: "m",
            prompt: i % 3 ? `text ${i}` : list(2, `text ${i}`),
            max_tokens: 8,
            n: 1 + i % 2,
        });
    }],

    "openai chat": [40, (base) => {
        const client = openaiClient(base);

        return (i) => client.chat.completions.create({
            model: "m",
            messages: [{ role: "user", content: `text ${i}` }],
            max_tokens: 8,
        });
    }],

    "openai moderations": [40, (base) => {
        const client = openaiClient(base);

        return (i) => client.moderations.create({
            model: "omni-moderation-latest",
            input: i % 3 ? `text ${i}` : list(2, `text ${i}`),
        });
    }],

    "ollama": [60, (base) => {
        const client = new Ollama({ host: base });

        return (i) => client.embed({
            model: "all-minilm",
            input: i % 3 ? `text ${i}` : [`a ${i}`, `b ${i}`],
        });
    }],

    "cohere embed": [60, (base) => {
        const client = new CohereClientV2({ token: "k", environment: base });

        return (i) => client.embed({
            model: "embed-v4.0",
            inputType: i % 2 ? "search_query" : "search_document",
            embeddingTypes: i % 4 < 2 ? ["float", "int8"] : ["float"],
            texts: list(1 + i % 3, `text ${i}`),
        }, { maxRetries: 0 });
    }],

    "cohere rerank": [40, (base) => {
        const client = new CohereClientV2({ token: "k", environment: base });

        return (i) => client.rerank({
            model: "rerank-v3.5",
            query: "which one?",
            documents: list(2 + i % 3, `text ${i}`),
            ...(i % 2 ? { topN: 2 } : {}),
        }, { maxRetries: 0 });
    }],

    "voyage": [60, (base) => {
        const client = new VoyageAIClient({
            apiKey: "k",
            environment: `${base}/voyage/v1`,
        });

        return (i) => client.embed({
            model: "voyage-3.5",
            input: i % 3 ? `text ${i}` : list(2, `text ${i}`),
            inputType: i % 2 ? "query" : "document",
        }, { maxRetries: 0 });
    }],

    "google": [60, (base) => {
        const client = new GoogleGenAI({
            apiKey: "k",
            httpOptions: { baseUrl: base },
        });

        return async (i) => {
            const answer = await client.models.embedContent({
                model: "gemini-embedding-001",
                contents: i % 3 ? `text ${i}` : list(3, `text ${i}`),
                config: {
                    taskType: TASKS[i % 3],
                    outputDimensionality: 4 + 2 * (i % 2),
                },
            });

            /* date and the like */
            delete answer.sdkHttpResponse;

            return answer;
        };
    }],
};


/*
 * How the tokens of a call are shared is estimated, but none gets lost; ids are
 * everybody's own.
 */

function takeTokens(answer) {
    const { usage } = answer;
    const meta = answer.meta?.billedUnits;
    const total = usage?.total_tokens ?? usage?.totalTokens;
    const input = usage?.prompt_tokens ?? total;
    const output = usage?.completion_tokens ?? 0;

    if (input + output !== total && usage) {
        throw new Error(`${input} and ${output} tokens are not ${total}`);
    }

    const tokens = total ?? answer.prompt_eval_count ?? meta?.inputTokens ?? 0;

    ids.push(answer.id);

    delete answer.usage;
    delete answer.prompt_eval_count;
    delete answer.meta;
    delete answer.id;

    return tokens;
}


let tests = 0;
let ids = [];

function ok(good, name) {
    tests++;
    console.log(`${good ? "ok" : "not ok"} ${tests} - ${name}`);
}


async function compare(name, count, make) {
    const all = (call) => Promise.allSettled(
        Array.from({ length: count }, (_, i) => call(i)));
    const [batched, direct] = [await all(make(nginx)),
                               await all(make(backend))];
    const total = [0, 0];
    let equal = 0;

    ids = [];

    for (let i = 0; i < count; i++) {
        if (batched[i].status !== "fulfilled"
            || direct[i].status !== "fulfilled")
        {
            console.log(`# ${name} ${i}:`, batched[i].reason,
                        direct[i].reason);
            continue;
        }

        total[0] += takeTokens(batched[i].value);
        total[1] += takeTokens(direct[i].value);

        if (isDeepStrictEqual(batched[i].value, direct[i].value)) {
            equal++;

        } else {
            console.log(`# ${name} ${i}:`,
                        JSON.stringify(batched[i].value).slice(0, 300),
                        JSON.stringify(direct[i].value).slice(0, 300));
        }
    }

    ids = ids.filter((id) => id !== undefined);

    ok(equal === count, `${name}: ${equal} of ${count} answers are equal`);
    ok(total[0] === total[1],
       `${name}: ${total[0]} tokens, and ${total[1]} without nginx`);
    ok(new Set(ids).size === ids.length, `${name}: no id is there twice`);
}


for (const [name, [count, make]] of Object.entries(APIS)) {
    await compare(name, count, make);
}

console.log(`1..${tests}`);
