"""
A model behind the protocol "v1" of KServe.  All of the server is KServe's; a
model is a class with a method, as its documentation shows.

usage: third-party-kserve.py model.joblib --http_port port ...
"""

import sys

import joblib
import numpy
import uvicorn


class LocalConfig(uvicorn.Config):
    """KServe listens on all addresses, and has no option for another."""

    def __init__(self, *args, **kwargs):
        kwargs["host"] = "127.0.0.1"
        super().__init__(*args, **kwargs)


uvicorn.Config = LocalConfig

from kserve import Model, ModelServer  # noqa: E402


class Digits(Model):
    def __init__(self, path):
        super().__init__("digits")
        self.forest = joblib.load(path)
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        rows = numpy.array(payload["instances"])

        return {"predictions": self.forest.predict_proba(rows).tolist()}


ModelServer().start([Digits(sys.argv[1])])
