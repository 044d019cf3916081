"""
A server of embeddings, and the client libraries of bench/clients.

usage: clients.py serve port
       clients.py sets [client ...]
       clients.py run set port server-port requests [client ...]
"""

import asyncio
import base64
import concurrent.futures
import hashlib
import importlib.metadata
import itertools
import json
import os
import random
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid

TIME = 0.05
AT_A_TIME = 32

# no calls home

os.environ.update(HAYSTACK_TELEMETRY_ENABLED="False",
                  LITELLM_LOCAL_MODEL_COST_MAP="True")


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

    async def moderations(request):
        body, items = await texts(request, "input")
        names = [f"category {i}" for i in range(8)]
        return web.json_response({
            "id": "id", "model": body.get("model") or "m", "results": [
                {"flagged": False,
                 "categories": dict.fromkeys(names, False),
                 "category_scores": dict(zip(names, vector(text)))}
                for text in items]})

    async def tei(request):
        _, items = await texts(request, "inputs")
        return web.json_response([vector(text) for text in items],
                                 headers={"X-Tokenization-Time": "1"})

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

    async def rerank(request):
        body, items = await texts(request, "documents")
        found = sorted(((vector(text)[0], i) for i, text in enumerate(items)),
                       reverse=True)
        name = "data" if body["model"] == "voyage" else "results"
        return web.json_response({
            "object": "list", "model": body["model"],
            name: [{"index": i, "relevance_score": score}
                   for score, i in found],
            "usage": {"total_tokens": len(items)}})

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
    app.router.add_post("/openai/deployments/m/embeddings", openai)
    app.router.add_post("/v1/moderations", moderations)
    app.router.add_post("/v1/rerank", rerank)
    app.router.add_post("/embed", tei)
    app.router.add_post("/", tei)
    app.router.add_post("/v2/embed", cohere)
    app.router.add_post("/v1/embed", cohere_1)
    app.router.add_post("/v2/rerank", cohere_rerank)
    app.router.add_post("/api/embed", ollama)
    app.router.add_post("/api/embeddings", ollama_old)
    app.router.add_post("/{path:v1.*/models/.*}", gemini)
    app.router.add_get("/count", count)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


# a function that gives the vector of a text, and the package that has it

def in_loop(function):
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return lambda text: asyncio.run_coroutine_threadsafe(
        function(text), loop).result(60)


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


def openai_async(url):
    from openai import AsyncOpenAI
    client = AsyncOpenAI(base_url=url + "/v1", api_key="k", max_retries=0)

    async def embed(text):
        answer = await client.embeddings.create(model="m", input=text)
        return answer.data[0].embedding

    return "openai", in_loop(embed)


def openai_azure(url):
    from openai import AzureOpenAI
    client = AzureOpenAI(azure_endpoint=url, api_version="2024-10-21",
                         api_key="k", max_retries=0)
    return "openai", lambda text: client.embeddings.create(
        model="m", input=text).data[0].embedding


def openai_moderations(url):
    from openai import OpenAI
    client = OpenAI(base_url=url + "/v1", api_key="k", max_retries=0)

    def moderate(text):
        answer = client.moderations.create(model="m", input=text).results[0]
        return [score for name, score in
                answer.category_scores.model_dump().items()
                if name.startswith("category ")]

    return "openai", moderate


# half of them are sent by the same company's client for Node

def openai_fleet(url):
    sdks = subprocess.check_output(["t/sdk/install"], text=True).split()[-1]
    node = subprocess.Popen(
        ["node", "bench/clients.mjs", sdks, url], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    waiting, lock = {}, threading.Lock()

    def receive():
        for line in node.stdout:
            got = json.loads(line)
            waiting.pop(got["text"]).set_result(got["vector"])

    def by_node(text):
        waiting[text] = future = concurrent.futures.Future()
        with lock:
            node.stdin.write(json.dumps(text) + "\n")
            node.stdin.flush()
        return future.result(60)

    threading.Thread(target=receive, daemon=True).start()
    ways = itertools.cycle([openai(url)[1], by_node])
    return "openai", lambda text: next(ways)(text)


def huggingface_async(url):
    from huggingface_hub import AsyncInferenceClient
    client = AsyncInferenceClient(base_url=url + "/embed", token="k")

    async def embed(text):
        return (await client.feature_extraction(text))[0].tolist()

    return "huggingface_hub", in_loop(embed)


def huggingface_root(url):
    from huggingface_hub import InferenceClient
    client = InferenceClient(base_url=url, token="k")
    return ("huggingface_hub",
            lambda text: client.feature_extraction(text)[0].tolist())


def huggingface_hub(url):
    from huggingface_hub import InferenceClient
    client = InferenceClient(base_url=url + "/embed", token="k")
    return "huggingface_hub", lambda text: client.feature_extraction(
        text)[0].tolist()


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
        return score_of(text, answer.results[0].relevance_score)

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


def google_async(url):
    from google import genai
    client = genai.Client(api_key="k", http_options={"base_url": url})

    async def embed(text):
        answer = await client.aio.models.embed_content(
            model="text-embedding-004", contents=text)
        return answer.embeddings[0].values

    return "google-genai", in_loop(embed)


def mistral_client(url):
    try:
        from mistralai import Mistral
    except ImportError:
        from mistralai.client import Mistral
    return Mistral(api_key="k", server_url=url)


def mistral(url):
    client = mistral_client(url)
    return "mistralai", lambda text: client.embeddings.create(
        model="m", inputs=[text]).data[0].embedding


def mistral_moderate(url):
    client = mistral_client(url)
    return "mistralai", lambda text: list(
        client.classifiers.moderate(
            model="m", inputs=[text]).results[0].category_scores.values())


def voyage(url):
    import voyageai
    client = voyageai.Client(api_key="k", base_url=url + "/v1")
    return "voyageai", lambda text: client.embed([text], model="m"
                                                 ).embeddings[0]


def voyage_rerank(url):
    import voyageai
    client = voyageai.Client(api_key="k", base_url=url + "/v1")
    return "voyageai", lambda text: score_of(text, client.rerank(
        "q", [text], model="voyage").results[0].relevance_score)


def together(url):
    from together import Together
    client = Together(base_url=url, api_key="k", max_retries=0)
    return "together", lambda text: client.embeddings.create(
        model="m", input=text).data[0].embedding


def langchain(url):
    from langchain_openai import OpenAIEmbeddings
    client = OpenAIEmbeddings(base_url=url + "/v1", api_key="k", model="m",
                              check_embedding_ctx_length=False)
    return "langchain-openai", client.embed_query


def llama_index(url):
    from llama_index.embeddings.openai import OpenAIEmbedding
    client = OpenAIEmbedding(api_base=url + "/v1", api_key="k")
    return "llama-index-embeddings-openai", client.get_query_embedding


def llama_index_like(url):
    from llama_index.embeddings.openai_like import OpenAILikeEmbedding
    client = OpenAILikeEmbedding(api_base=url + "/v1", api_key="k",
                                 model_name="m")
    return "llama-index-embeddings-openai-like", client.get_query_embedding


def haystack(url):
    from haystack.components.embedders import OpenAITextEmbedder
    from haystack.utils import Secret
    client = OpenAITextEmbedder(api_base_url=url + "/v1", model="m",
                                api_key=Secret.from_token("k"))
    return "haystack-ai", lambda text: client.run(text)["embedding"]


def litellm(provider, path):
    def client(url):
        import litellm as package
        return "litellm", lambda text: package.embedding(
            model=f"{provider}/m", input=[text], api_base=url + path,
            api_key="k").data[0]["embedding"]

    return client


def litellm_rerank(provider, path):
    def client(url):
        import litellm as package
        return "litellm", lambda text: score_of(text, package.rerank(
            model=f"{provider}/m", query="q", documents=[text],
            api_base=url + path, api_key="k").results[0]["relevance_score"])

    return client


def score_of(text, score):
    return [score, *vector(text)[1:]]


# by the set of packages of bench/clients that they need

CLIENTS = {
    "sdks": {
        "openai": openai, "openai-async": openai_async,
        "openai-traced": openai_traced, "openai-defaults": openai_defaults,
        "openai-fleet": openai_fleet, "openai-azure": openai_azure,
        "openai-moderations": openai_moderations,
        "huggingface_hub": huggingface_hub,
        "huggingface-async": huggingface_async,
        "huggingface-root": huggingface_root, "azure": azure,
        "cohere": cohere, "cohere-inputs": cohere_inputs,
        "cohere-1": cohere_1, "cohere-rerank": cohere_rerank,
        "ollama": ollama, "ollama-old": ollama_old, "google": google,
        "google-async": google_async, "mistral": mistral,
        "mistral-moderate": mistral_moderate, "voyage": voyage,
        "voyage-rerank": voyage_rerank, "together": together,
    },
    "frameworks": {
        "langchain": langchain, "llama-index": llama_index,
        "llama-index-like": llama_index_like, "haystack": haystack,
    },
    "litellm": {
        "litellm-openai": litellm("openai", "/v1"),
        "litellm-vllm": litellm("hosted_vllm", "/v1"),
        "litellm-mistral": litellm("mistral", "/v1"),
        "litellm-gemini": litellm("gemini", "/v1beta"),
        "litellm-ollama": litellm("ollama", ""),
        "litellm-cohere": litellm("cohere", "/v2/embed"),
        "litellm-voyage": litellm("voyage", "/v1/embeddings"),
        "litellm-jina-rerank": litellm_rerank("jina_ai", "/v1/rerank"),
        "litellm-cohere-rerank": litellm_rerank("cohere", "/v2/rerank"),
    },
}


def fetch(url):
    for _ in range(200):
        try:
            return urllib.request.urlopen(url).read().decode()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    sys.exit(f"nobody answers at {url}")


# requests by status, and those alone by who was there

def statuses(url):
    found = {}
    for line in fetch(url + "/llm-batch?format=prometheus").splitlines():
        if line.startswith("llm_batch_requests_total{"):
            status = line.split('status="')[1].split('"')[0]
            found[status] = found.get(status, 0) + int(line.split()[-1])
        elif line.startswith("llm_batch_single_total{"):
            reason = line.split('reason="')[1].split('"')[0]
            found[reason] = int(line.split()[-1])
    return found


def run(clients, port, server, requests, names):
    url, straight = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{server}"
    wrong = 0

    for name in (name for name in clients if not names or name in names):
        package, embed = clients[name](url)
        calls, before = int(fetch(straight + "/count")), statuses(url)
        texts = [f"{name} {random.random()}" for _ in range(requests)]

        with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
            vectors = list(pool.map(embed, texts))
            after = statuses(url)
            calls = int(fetch(straight + "/count")) - calls
            alone = list(pool.map(clients[name](straight)[1], texts))

        right = sum(
            got == other and len(got) == 8
            and all(abs(a - b) < 1e-6 for a, b in zip(got, vector(text)))
            for got, other, text in zip(vectors, alone, texts))
        wrong += requests - right
        merged = {key: after[key] - before.get(key, 0) for key in after
                  if after[key] != before.get(key, 0)}

        version = f"{package} {importlib.metadata.version(package)}"
        print(f"{name:21} {version:24} right {right} of {requests}, in"
              f" {calls} calls, {json.dumps(merged)}", flush=True)

    return 1 if wrong else 0


def sets(names):
    known = {name: which for which in CLIENTS for name in CLIENTS[which]}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"no client {unknown[0]}; there are: {' '.join(known)}")
    return dict.fromkeys(known[name] for name in names or known)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]))
    elif sys.argv[1:2] == ["sets"]:
        print(*sets(sys.argv[2:]))
    elif sys.argv[1:2] == ["run"]:
        sys.exit(run(CLIENTS[sys.argv[2]], sys.argv[3], sys.argv[4],
                     int(sys.argv[5]), sys.argv[6:]))
    else:
        sys.exit(__doc__)
