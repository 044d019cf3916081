"""
A sentence-transformers model behind LitServe.  The server and its OpenAI
protocol are LitServe's; the class is the one its documentation shows.

usage: third-party-litserve.py model-directory port
"""

import sys

import litserve
from sentence_transformers import SentenceTransformer


class Embedder(litserve.LitAPI):
    def setup(self, device):
        self.model = SentenceTransformer(sys.argv[1], device="cpu")

    def predict(self, inputs):
        return self.model.encode(inputs, batch_size=64)


if __name__ == "__main__":
    api = Embedder(spec=litserve.OpenAIEmbeddingSpec())
    server = litserve.LitServer(api, accelerator="cpu")
    server.run(host="127.0.0.1", port=int(sys.argv[2]),
               generate_client_file=False, log_level="warning")
