/*
 * Sends the same requests of many clients to two addresses and compares:
 * calls that reached the model, throughput, latency, and the vectors.
 *
 * usage: client.mjs url-off url-on url-of-the-model
 *
 * The exit code is 0 if the second address needed at most a fifth of the
 * calls, was faster, and gave the same vectors.
 */

import { Agent, request } from "node:http";

const REQUESTS = 400;
const CLIENTS = 32;
const GOAL = 5;
const TOLERANCE = 1e-6;

const [, , off, on, upstream] = process.argv;

const COLORS = ["red", "blue", "green", "black", "white", "yellow", "grey"];
const THINGS = ["shoes", "lamp", "bicycle", "jacket", "teapot", "desk",
                "guitar", "blanket", "camera", "notebook", "kettle"];
const PLACES = ["for children", "in Berlin", "under 50 dollars", "near me",
                "made of wood", "with free delivery"];

const texts = Array.from({ length: REQUESTS }, (_, i) => (
    [COLORS[i % COLORS.length], THINGS[i % THINGS.length],
     PLACES[i % PLACES.length]].join(" ")
));


function fetchJSON(agent, method, url, body) {
    return new Promise((resolve, reject) => {
        const headers = { "Content-Type": "application/json" };

        if (body !== undefined) {
            headers["Content-Length"] = Buffer.byteLength(body);
        }

        const req = request(url, { agent, method, headers }, (res) => {
            const chunks = [];

            res.on("error", reject);
            res.on("data", (chunk) => chunks.push(chunk));
            res.on("end", () => {
                const text = Buffer.concat(chunks).toString();

                if (res.statusCode !== 200) {
                    reject(new Error(`${url}: ${res.statusCode} ${text}`));
                    return;
                }

                resolve(JSON.parse(text));
            });
        });

        req.on("error", reject);
        req.end(body);
    });
}


function stats(agent) {
    return fetchJSON(agent, "GET", `${upstream}/stats`);
}


/* each client sends its next request when it has the answer to the last */

async function measure(base, count) {
    const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
    const vectors = new Array(count);
    const times = new Array(count);
    const before = await stats(agent);
    const start = performance.now();
    let next = 0;

    async function client() {
        while (next < count) {
            const i = next++;
            const sent = performance.now();
            const answer = await fetchJSON(agent, "POST",
                `${base}/v1/embeddings`,
                JSON.stringify({ model: "demo", input: texts[i] }));

            times[i] = performance.now() - sent;
            vectors[i] = answer.data[0].embedding;

            if (answer.data.length !== 1 || answer.data[0].index !== 0) {
                throw new Error(`request ${i}: not one vector of index 0`);
            }
        }
    }

    await Promise.all(Array.from({ length: CLIENTS }, client));

    const seconds = (performance.now() - start) / 1000;
    const after = await stats(agent);

    agent.destroy();
    times.sort((a, b) => a - b);

    return {
        vectors,
        calls: after.calls - before.calls,
        items: after.items - before.items,
        rate: count / seconds,
        p50: times[Math.floor(count * 0.50)],
        p99: times[Math.floor(count * 0.99)],
    };
}


function distance(a, b) {
    if (a.length !== b.length) {
        return Infinity;
    }

    return a.reduce((max, x, i) => Math.max(max, Math.abs(x - b[i])), 0);
}


function row(name, x, y, digits, ratio) {
    const cells = [name.padEnd(22), x.toFixed(digits).padStart(10),
                   y.toFixed(digits).padStart(10)];

    if (ratio !== undefined) {
        cells.push(`${ratio.toFixed(1)}x`.padStart(8));
    }

    console.log(cells.join("  "));
}


/* this program warms up, too: let neither side pay for it */

await measure(upstream, 4 * CLIENTS);

const a = await measure(off, REQUESTS);
const b = await measure(on, REQUESTS);

const worst = texts.reduce((max, _, i) => (
    Math.max(max, distance(a.vectors[i], b.vectors[i]))), 0);
const same = texts.filter((_, i) => (
    distance(a.vectors[i], b.vectors[i]) <= TOLERANCE)).length;

console.log(`${REQUESTS} requests of ${CLIENTS} clients\n`);
console.log("".padEnd(22) + "llm_batch off".padStart(14) + "on".padStart(10));
row("requests", REQUESTS, REQUESTS, 0);
row("upstream calls", a.calls, b.calls, 0, a.calls / b.calls);
row("items per call", a.items / a.calls, b.items / b.calls, 1);
row("requests per second", a.rate, b.rate, 1, b.rate / a.rate);
row("latency p50, ms", a.p50, b.p50, 1, a.p50 / b.p50);
row("latency p99, ms", a.p99, b.p99, 1, a.p99 / b.p99);
console.log(`\nequal vectors: ${same} of ${REQUESTS},`
            + ` largest difference ${worst.toExponential(1)}`);

const goals = [
    [`at least ${GOAL}x fewer upstream calls`, a.calls >= GOAL * b.calls],
    ["higher throughput", b.rate > a.rate],
    [`all vectors equal within ${TOLERANCE}`, same === REQUESTS],
];

console.log();

for (const [name, met] of goals) {
    console.log(`${met ? "ok" : "not ok"} - ${name}`);
}

process.exitCode = goals.every(([, met]) => met) ? 0 : 1;
