"""
A server of embeddings, and the client libraries of bench/clients.

usage: clients.py serve port
       clients.py run port server-port requests [client ...]
"""

import asyncio
import base64
import concurrent.futures
import hashlib
import importlib.metadata
import itertools
import json
import random
import struct
import sys
import time
import urllib.error
import urllib.request
import uuid

TIME = 0.05


def vector(text):
    return [byte / 255 for byte in hashlib.sha256(text.encode()).digest()[:8]]


def serve(port):
    from aiohttp import web

    calls = 0

    async def texts(request, name):
        nonlocal calls
        body = await request.json()
        value = body[name]
        calls += 1
        await asyncio.sleep(TIME)
        return body, [value] if isinstance(value, str) else value

    async def openai(request):
        body, items = await texts(request, "input")

        def embedding(text):
            if body.get("encoding_format") != "base64":
                return vector(text)
            return base64.b64encode(struct.pack("<8f", *vector(text))).decode()

        return web.json_response({
            "object": "list", "id": "id", "model": body.get("model"),
            "data": [{"object": "embedding", "index": i,
                      "embedding": embedding(text)}
                     for i, text in enumerate(items)],
            "usage": {"prompt_tokens": len(items),
                      "total_tokens": len(items)}})

    async def tei(request):
        _, items = await texts(request, "inputs")
        return web.json_response([vector(text) for text in items])

    def cohere_answer(items, embeddings, kind, version):
        return web.json_response({
            "id": "id", "texts": items, "embeddings": embeddings,
            "response_type": kind,
            "meta": {"api_version": {"version": version},
                     "billed_units": {"input_tokens": len(items)}}})

    async def cohere(request):
        body = await request.json()
        _, items = await texts(request,
                               "texts" if "texts" in body else "inputs")
        items = [item if isinstance(item, str) else item["content"][0]["text"]
                 for item in items]
        return cohere_answer(items, {"float": [vector(i) for i in items]},
                             "embeddings_by_type", "2")

    async def cohere_1(request):
        _, items = await texts(request, "texts")
        return cohere_answer(items, [vector(i) for i in items],
                             "embeddings_floats", "1")

    async def cohere_rerank(request):
        _, items = await texts(request, "documents")
        found = sorted(((vector(text)[0], i) for i, text in enumerate(items)),
                       reverse=True)
        return web.json_response({
            "id": "id", "results": [{"index": i, "relevance_score": score}
                                    for score, i in found],
            "meta": {"api_version": {"version": "2"}, "billed_units": {
                "search_units": (len(items) + 99) // 100}}})

    async def ollama(request):
        body, items = await texts(request, "input")
        return web.json_response({
            "model": body["model"], "embeddings": [vector(i) for i in items],
            "total_duration": 1, "load_duration": 1,
            "prompt_eval_count": len(items)})

    async def ollama_old(request):
        _, items = await texts(request, "prompt")
        return web.json_response({"embedding": vector(items[0])})

    async def gemini(request):
        nonlocal calls
        body = await request.json()
        calls += 1
        await asyncio.sleep(TIME)
        found = [{"values": vector(item["content"]["parts"][0]["text"])}
                 for item in body.get("requests", [body])]
        return web.json_response({"embeddings": found} if "requests" in body
                                 else {"embedding": found[0]})

    async def count(_):
        return web.json_response(calls)

    app = web.Application()
    app.router.add_post("/v1/embeddings", openai)
    app.router.add_post("/embed", tei)
    app.router.add_post("/v2/embed", cohere)
    app.router.add_post("/v1/embed", cohere_1)
    app.router.add_post("/v2/rerank", cohere_rerank)
    app.router.add_post("/api/embed", ollama)
    app.router.add_post("/api/embeddings", ollama_old)
    app.router.add_post("/{path:v1.*/models/.*}", gemini)
    app.router.add_get("/count", count)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


# a function that gives the vector of a text, and the package that has it

def openai(url):
    from openai import OpenAI
    client = OpenAI(base_url=url + "/v1", api_key="k", max_retries=0)
    return "openai", lambda text: client.embeddings.create(
        model="m", input=text).data[0].embedding


def openai_traced(url):
    from openai import OpenAI
    client = OpenAI(base_url=url + "/v1", api_key="k", max_retries=0)
    names = ("X-Client-Request-Id", "x-datadog-trace-id", "sentry-trace",
             "traceparent", "b3", "X-Amzn-Trace-Id", "CF-Ray",
             "X-Envoy-Attempt-Count")
    return "openai", lambda text: client.embeddings.create(
        model="m", input=text, extra_headers={
            name: str(uuid.uuid4()) for name in names}).data[0].embedding


def huggingface_hub(url):
    from huggingface_hub import InferenceClient
    client = InferenceClient(base_url=url + "/embed", token="k")
    return "huggingface_hub", lambda text: client.feature_extraction(text)[0]


def azure(url):
    from azure.ai.inference import EmbeddingsClient
    from azure.core.credentials import AzureKeyCredential
    client = EmbeddingsClient(endpoint=url + "/v1",
                              credential=AzureKeyCredential("k"))
    return "azure-ai-inference", lambda text: client.embed(
        model="m", input=[text]).data[0].embedding


def cohere(url):
    import cohere as package
    client = package.ClientV2(api_key="k", base_url=url)
    return "cohere", lambda text: client.embed(
        model="m", texts=[text], input_type="search_query",
        embedding_types=["float"]).embeddings.float_[0]


# half of them say what is the default

def openai_defaults(url):
    from openai import OpenAI
    client = OpenAI(base_url=url + "/v1", api_key="k", max_retries=0)
    said = itertools.cycle([{"encoding_format": "float"}, {}])

    def embed(text):
        body = {"model": "m", "input": text, **next(said)}
        answer = client.post("/embeddings", body=body, cast_to=object)
        return answer["data"][0]["embedding"]

    return "openai", embed


def cohere_inputs(url):
    import cohere as package
    client = package.ClientV2(api_key="k", base_url=url)
    return "cohere", lambda text: client.embed(
        model="m", input_type="search_query", embedding_types=["float"],
        inputs=[{"content": [{"type": "text", "text": text}]}]
        ).embeddings.float_[0]


def cohere_1(url):
    import cohere as package
    client = package.Client(api_key="k", base_url=url)
    return "cohere", lambda text: client.embed(
        model="m", texts=[text], input_type="search_query").embeddings[0]


# a document each, of one question; a search unit is billed to each alone

def cohere_rerank(url):
    import cohere as package
    client = package.ClientV2(api_key="k", base_url=url)

    def rerank(text):
        answer = client.rerank(model="m", query="q", documents=[text])
        if answer.meta.billed_units.search_units != 1:
            return []
        return [answer.results[0].relevance_score, *vector(text)[1:]]

    return "cohere", rerank


def ollama(url):
    import ollama as package
    client = package.Client(host=url)
    return "ollama", lambda text: client.embed(
        model="m", input=text).embeddings[0]


def ollama_old(url):
    import ollama as package
    client = package.Client(host=url)
    return "ollama", lambda text: client.embeddings(
        model="m", prompt=text).embedding


def google(url):
    from google import genai
    client = genai.Client(api_key="k", http_options={"base_url": url})
    return "google-genai", lambda text: client.models.embed_content(
        model="text-embedding-004", contents=text).embeddings[0].values


def mistral(url):
    try:
        from mistralai import Mistral
    except ImportError:
        from mistralai.client import Mistral
    client = Mistral(api_key="k", server_url=url)
    return "mistralai", lambda text: client.embeddings.create(
        model="m", inputs=[text]).data[0].embedding


def voyage(url):
    import voyageai
    client = voyageai.Client(api_key="k", base_url=url + "/v1")
    return "voyageai", lambda text: client.embed([text], model="m"
                                                 ).embeddings[0]


CLIENTS = {
    "openai": openai, "openai-traced": openai_traced,
    "openai-defaults": openai_defaults,
    "huggingface_hub": huggingface_hub, "azure": azure, "cohere": cohere,
    "cohere-inputs": cohere_inputs, "cohere-1": cohere_1,
    "cohere-rerank": cohere_rerank, "ollama": ollama,
    "ollama-old": ollama_old, "google": google, "mistral": mistral, "voyage": voyage,
}


def fetch(url):
    for _ in range(200):
        try:
            return urllib.request.urlopen(url).read().decode()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    sys.exit(f"nobody answers at {url}")


def statuses(url):
    found = {}
    for line in fetch(url + "/llm-batch?format=prometheus").splitlines():
        if line.startswith("llm_batch_requests_total{"):
            status = line.split('status="')[1].split('"')[0]
            found[status] = found.get(status, 0) + int(line.split()[-1])
    return found


def run(port, server, requests, names):
    url, counter = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{server}"
    wrong = 0

    for name in names or CLIENTS:
        package, embed = CLIENTS[name](url)
        calls, before = int(fetch(counter + "/count")), statuses(url)
        texts = [f"{name} {random.random()}" for _ in range(requests)]

        with concurrent.futures.ThreadPoolExecutor(requests) as pool:
            vectors = list(pool.map(embed, texts))

        right = sum(
            len(got) == 8 and all(abs(a - b) < 1e-6
                                  for a, b in zip(got, vector(text)))
            for got, text in zip(vectors, texts))
        wrong += requests - right
        after = statuses(url)
        merged = {key: after[key] - before.get(key, 0) for key in after
                  if after[key] != before.get(key, 0)}

        version = f"{package} {importlib.metadata.version(package)}"
        print(f"{name:16} {version:28} right {right} of {requests}, in"
              f" {int(fetch(counter + '/count')) - calls} calls, "
              f"{json.dumps(merged)}", flush=True)

    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]))
    elif sys.argv[1:2] == ["run"]:
        sys.exit(run(sys.argv[2], sys.argv[3], int(sys.argv[4]),
                     sys.argv[5:]))
    else:
        sys.exit(__doc__)
