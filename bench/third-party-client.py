"""
What the clients of bench/third-party send, and whether their answers are the
same alone and through a call.

usage: third-party-client.py uri server
       third-party-client.py body server
       third-party-client.py adapter server
       third-party-client.py wait server url seconds
       third-party-client.py compare server url-alone url-plain url-batched

"body" is for bench/load: a "#" becomes the number of the request.  "compare"
sends REQUESTS requests (default 512) one by one to the server, and then from
CLIENTS clients (default 64) at a time through plain proxy_pass, where the
server makes what it likes of so many, and through the module.
"""

import http.client
import json
import os
import sys
import threading
import time

REQUESTS = int(os.environ.get("REQUESTS", 512))
CLIENTS = int(os.environ.get("CLIENTS", 64))
TEXT = os.environ.get("TEXT", "a text to embed, the #th")
TOLERANCE = float(os.environ.get("TOLERANCE", 1e-5))

# one for each client: of texts, the count is an estimate

OWN = ("id", "created", "usage")

WORDS = ("red shoes lamp in Berlin for children under fifty dollars made of "
         "wood with free delivery near me green bicycle and a quiet desk "
         "guitar blanket camera notebook kettle").split()


def text(i):
    """No two are equal, and they are of different lengths."""

    return " ".join([f"item {i}"] + [WORDS[(i * 7 + j * (i % 5 + 1))
                                           % len(WORDS)]
                                     for j in range(i * 13 % 40)])


def row(i):
    """64 numbers from 0 to 16, a picture of something."""

    return [(i * 37 + j * (i % 11 + 3) + (i >> 4) * j * j) % 17
            for j in range(64)]


def embeddings(i):
    return {"model": "minilm", "input": text(i)}


def tensors(i):
    return {"inputs": [{"name": "predict", "shape": [1, 64],
                        "datatype": "FP32", "data": row(i)}],
            "outputs": [{"name": "predict_proba"}]}


def instances(i):
    return {"instances": [row(i)]}


SERVERS = {
    "infinity": ("/embeddings", "openai_embeddings", embeddings),
    "litserve": ("/v1/embeddings", "openai_embeddings", embeddings),
    "mlserver": ("/v2/models/digits/infer", "oip_v2", tensors),
    "kserve": ("/v1/models/digits:predict", "kserve_v1", instances),
    "demo": ("/v1/embeddings", "openai_embeddings", embeddings),
}


def load_body(name):
    """The same length for all: a short text, a picture with one new number."""

    body = SERVERS[name][2](1)

    if "input" in body:
        body["input"] = TEXT
        return json.dumps(body)

    return json.dumps(body).replace(f"[{row(1)[0]},", "[#,", 1)


class Connection:
    def __init__(self, url, uri):
        self.http = http.client.HTTPConnection(url.split("/")[2], timeout=60)
        self.uri = uri

    def post(self, body):
        self.http.request("POST", self.uri, json.dumps(body),
                          {"Content-Type": "application/json"})
        response = self.http.getresponse()
        answer = response.read()

        if response.status != 200:
            raise RuntimeError(f"{response.status} {answer[:500]}")

        return json.loads(answer), response.headers.get("X-LLM-Batch", "")


def send(name, url, clients):
    """All answers, in the order of the requests, and how they were served."""

    uri, _, body = SERVERS[name]
    results = [None] * REQUESTS
    numbers = iter(range(REQUESTS))
    lock = threading.Lock()

    def client():
        connection = Connection(url, uri)

        while True:
            with lock:
                i = next(numbers, None)

            if i is None:
                return

            results[i] = connection.post(body(i))

    threads = [threading.Thread(target=client) for _ in range(clients)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    if None in results:
        sys.exit(f"{name}: not every request was answered")

    return results


def flatten(value, numbers):
    """The numbers go to a list, what stays is all else."""

    if isinstance(value, dict):
        return {k: flatten(v, numbers) for k, v in value.items()
                if k not in OWN}

    if isinstance(value, list):
        return [flatten(v, numbers) for v in value]

    if isinstance(value, float):
        numbers.append(value)
        return None

    # a float of no fraction may have been printed as an integer

    if isinstance(value, int) and not isinstance(value, bool):
        numbers.append(float(value))
        return None

    return value


def difference(a, b):
    x, y = [], []

    if flatten(a, x) != flatten(b, y) or len(x) != len(y):
        return float("inf")

    return max(abs(p - q) for p, q in zip(x, y))


def largest(alone, other):
    return max(difference(a[0], b[0]) for a, b in zip(alone, other))


def groups(alone):
    """How many of the answers are farther apart than the tolerance."""

    seen = []

    for answer, _ in alone:
        numbers = []
        flatten(answer, numbers)

        if not any(all(abs(p - q) <= TOLERANCE for p, q in zip(numbers, s))
                   for s in seen):
            seen.append(numbers)

    return len(seen)


def field(header, name):
    for part in header.split("; "):
        if part.startswith(name + "="):
            return part[len(name) + 1:]

    return ""


def compare(name, alone_url, plain_url, batched_url):
    alone = send(name, alone_url, 1)
    plain = send(name, plain_url, CLIENTS)
    batched = send(name, batched_url, CLIENTS)

    merged = [h for _, h in batched if field(h, "status") == "merged"]
    sizes = [int(field(h, "size")) for h in merged]
    calls = sum(1 / size for size in sizes)
    worst = largest(alone, batched)

    print(f"{REQUESTS} requests with {groups(alone)} different answers,"
          f" {len(merged)} merged into {calls:.0f} calls;")
    print(f"largest difference to the answer alone: {worst:.1e}"
          f" (plain proxy_pass, {CLIENTS} clients:"
          f" {largest(alone, plain):.1e})")

    good = worst <= TOLERANCE and len(merged) > REQUESTS / 2

    print(f"{'ok' if good else 'not ok'} - most are merged, and all"
          f" {REQUESTS} equal within {TOLERANCE:g}")

    return 0 if good else 1


def wait(name, url, seconds):
    uri, _, body = SERVERS[name]
    end = time.monotonic() + float(seconds)

    while True:
        try:
            Connection(url, uri).post(body(1))
            return 0

        except (OSError, RuntimeError, http.client.HTTPException) as error:
            if time.monotonic() > end:
                print(f"{name}: {error}", file=sys.stderr)
                return 1

        time.sleep(0.2)


def main(command, name, *args):
    uri, adapter, _ = SERVERS[name]

    if command == "compare":
        return compare(name, *args)

    if command == "wait":
        return wait(name, *args)

    print({"uri": uri, "adapter": adapter, "body": load_body(name)}[command])

    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
