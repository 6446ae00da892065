"""One implementation in a process of its own, driven line by line: python worker.py NAME

Reads lines from standard input and answers each with {"value": ...}; between two lines it sleeps.

    {"case": {"num_samples": K, ...}, "steps": N}   seconds per step of `Peer(weights, num_samples=K, ...)`
    {"product": SHAPE, "steps": N}                  GFLOP/s
    {"check": FILE, "gradients": FILE}              the loss for x and noise of an .npz; its gradient goes into another
    {"peak": true}                                  the most memory that the process has held, in MiB

PyTorch and TensorFlow cannot both be imported into one process: it crashes.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import resource
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
GAMES = {  # the same for a step of DCGAN
    "tfvae, DCGAN": ("dcgan_tfvae", "tfvae", {}),
    "PyTorch eager, DCGAN": ("dcgan_torch", "torch", {}),
    "PyTorch compiled, DCGAN": ("dcgan_torch", "torch", {"compiled": True}),
    "JAX, DCGAN": ("dcgan_jax", "jax", {}),
}
SHARED = {**dict.fromkeys(PEERS, "common"), **dict.fromkeys(GAMES, "dcgan")}
ALL = PEERS | GAMES


def installed(name: str) -> bool:
    """Returns whether the implementation can run here."""
    return importlib.util.find_spec(ALL[name][1]) is not None


def main(name: str, answers) -> None:
    """Serves until standard input ends."""
    module, _, options = ALL[name]
    module, shared = (importlib.import_module(f"peers.{each}") for each in (module, SHARED[name]))

    made, products = {}, {}
    for line in sys.stdin:
        asked = json.loads(line)
        if "product" in asked:
            from peers.products import Products

            shape = asked["product"]
            if shape not in products:
                products[shape] = Products(shape)
            value = products[shape].rate(asked["steps"])
        elif "check" in asked:
            given = np.load(asked["check"])
            checked = module.Peer(shared.weights(), **shared.case_of(given["noise"]), **options)
            value = checked.loss(given["x"], given["noise"])
            np.savez(asked["gradients"], **checked.gradient(given["x"], given["noise"]))
        elif "peak" in asked:
            value = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        else:
            case = asked["case"]
            key = json.dumps(case)
            if key not in made:
                made[key] = module.Peer(shared.weights(**shared.sizes(case)), **options, **case)
            value = made[key].steps(asked["steps"])
        print(json.dumps({"value": value}), file=answers, flush=True)


if __name__ == "__main__":
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries print is no answer
    main(sys.argv[1], out)
