"""One implementation in a process of its own, driven line by line: python worker.py NAME

Reads lines from standard input and answers each with {"value": ...}; between two lines it sleeps.

    {"case": [K, m], "steps": N}        seconds per step; m = 0: the full gradient
    {"product": SHAPE, "steps": N}      GFLOP/s
    {"check": FILE, "gradients": FILE}  the loss for the x and the noise in an .npz; gradients are written to another

PyTorch and TensorFlow cannot both be imported into one process: it crashes.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

PEERS = {  # name: module in peers/, package that it needs, arguments
    "tfvae": ("tfvae_fit", "tfvae", {}),
    "Keras + TFP": ("keras_tfp", "tensorflow_probability", {}),
    "PyTorch eager": ("pytorch", "torch", {}),
    "PyTorch compiled": ("pytorch", "torch", {"compiled": True}),
    "JAX": ("jax_peer", "jax", {}),
}


def installed(name: str) -> bool:
    """Returns whether the implementation can run here."""
    return importlib.util.find_spec(PEERS[name][1]) is not None


def main(name: str, answers) -> None:
    """Serves until standard input ends."""
    module, _, options = PEERS[name]
    module = importlib.import_module(f"peers.{module}")
    from peers import common

    weights, made, products = common.weights(), {}, {}
    for line in sys.stdin:
        asked = json.loads(line)
        if "product" in asked:
            from peers.products import Products

            shape = asked["product"]
            value = products.setdefault(shape, Products(shape)).rate(asked["steps"])
        elif "check" in asked:
            given = np.load(asked["check"])
            checked = module.Peer(weights, len(given["noise"]), **options)
            value = checked.loss(given["x"], given["noise"])
            np.savez(asked["gradients"], **checked.gradient(given["x"], given["noise"]))
        else:
            num_samples, backward = case = tuple(asked["case"])
            if case not in made:
                extra = {"backward_particles": backward} if backward else {}
                made[case] = module.Peer(weights, num_samples, **options, **extra)
            value = made[case].steps(asked["steps"])
        print(json.dumps({"value": value}), file=answers, flush=True)


if __name__ == "__main__":
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries print is no answer
    main(sys.argv[1], out)
