"""A served model of a test's own making: its signatures, right answers, and answers that are garbled."""

import json

import numpy as np
from kit.raw_server import RawServer, http

ROWS = 5
SHAPES = {"image": [2, 3], "latent": [2]}
INPUTS = {
    "sample": {"seed": ("DT_INT32", [2])},
    "log_prob": {"x": ("DT_FLOAT", [2, 3]), "seed": ("DT_INT32", [2])},
    "reconstruct": {"x": ("DT_FLOAT", [2, 3])},
}
OUTPUTS = {"sample": SHAPES, "log_prob": {"elbo": [], "log_prob": []}, "reconstruct": {"image": [2, 3]}}


def info(dtype, shape):
    return {"dtype": dtype, "tensor_shape": {"dim": [{"size": str(size)} for size in (-1, *shape)]}}


def metadata():
    table = {
        name: {
            "inputs": {key: info(*spec) for key, spec in inputs.items()},
            "outputs": {key: info("DT_FLOAT", shape) for key, shape in OUTPUTS[name].items()},
        }
        for name, inputs in INPUTS.items()
    }
    return {"metadata": {"signature_def": {"signature_def": table}}}


def right(rows=ROWS):
    """The right answer to a request of `sample`."""
    rng = np.random.default_rng(rows)
    return {"outputs": {name: rng.random([rows, *shape]).tolist() for name, shape in SHAPES.items()}}


def served(answer, described=None):
    """A server with the right signatures whose predictions are `answer`: bytes or what RawServer takes."""
    head = http(json.dumps(metadata()).encode()) if described is None else described
    return RawServer(lambda path: head if path.endswith("/metadata") else answer)


def one_line(error):
    text = str(error.value)
    assert "\n" not in text and text.isprintable() and len(text) < 1200, text


def changed(**outputs):
    content = right()
    content["outputs"] |= outputs
    return content


def garbled(content, rng):
    """Bytes with some of them changed, left out or doubled."""
    content = bytearray(content)
    for _ in range(int(rng.integers(1, 6))):
        place = int(rng.integers(len(content)))
        kind = rng.integers(3)
        if kind == 0:
            content[place] = int(rng.integers(256))
        elif kind == 1:
            del content[place]
        else:
            content[place:place] = rng.bytes(int(rng.integers(1, 5)))
    return bytes(content)
