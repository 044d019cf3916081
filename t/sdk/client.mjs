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

const OPENAI_CALLS = 200;
const OLLAMA_CALLS = 60;

const [, , sdks, nginx, backend] = process.argv;

const require = createRequire(`${sdks}/`);
const OpenAI = require("openai");
const { Ollama } = require("ollama");

const ENCODINGS = [{}, {}, { encoding_format: "float" },
                   { encoding_format: "base64" }];


/* a text, texts, tokens or arrays of tokens; every fourth in other encodings */

function openaiRequest(i) {
    const inputs = [
        `text ${i}`,
        Array.from({ length: 1 + i % 4 }, (_, k) => `text ${i}, part ${k}`),
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


function ollamaRequest(i) {
    return {
        model: "all-minilm",
        input: i % 3 ? `text ${i}` : [`a ${i}`, `b ${i}`],
    };
}


function openai(base) {
    const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: "sk-test",
                                maxRetries: 0, timeout: 30000 });

    return (i) => client.embeddings.create(openaiRequest(i));
}


function ollama(base) {
    const client = new Ollama({ host: base });

    return (i) => client.embed(ollamaRequest(i));
}


/* how the tokens of a call are shared is estimated, but none gets lost */

function takeTokens(answer) {
    const tokens = answer.usage?.total_tokens ?? answer.prompt_eval_count;

    if (answer.usage?.prompt_tokens !== answer.usage?.total_tokens) {
        throw new Error("prompt_tokens are not total_tokens");
    }

    delete answer.usage;
    delete answer.prompt_eval_count;

    return tokens;
}


let tests = 0;

function ok(good, name) {
    tests++;
    console.log(`${good ? "ok" : "not ok"} ${tests} - ${name}`);
}


async function compare(name, make, count) {
    const all = (call) => Promise.allSettled(
        Array.from({ length: count }, (_, i) => call(i)));
    const [batched, direct] = [await all(make(nginx)),
                               await all(make(backend))];
    const total = [0, 0];
    let equal = 0;

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

    ok(equal === count, `${name}: ${equal} of ${count} answers are equal`);
    ok(total[0] === total[1],
       `${name}: ${total[0]} tokens, and ${total[1]} without nginx`);
}


await compare("openai", openai, OPENAI_CALLS);
await compare("ollama", ollama, OLLAMA_CALLS);

console.log(`1..${tests}`);
