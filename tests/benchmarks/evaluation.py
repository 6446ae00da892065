"""Speed and memory of `evaluation.log_marginal` with K = 5,000 on the decoder of burda-1layer.

    python tests/benchmarks/evaluation.py [--rounds 7] [--examples 64] [--out docs]

Every round times the machine's matrix products (peers/products.py, the shape of the decoder's last layer) and then one
evaluation, in one process. The share is that of the products' rate which the decoder's products reach within the whole
evaluation: encoder, noise, densities and bookkeeping count as time and not as work. Memory is what evaluating adds to
the peak of a process that has built the model; each K and number of examples has a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from peers import common
from reports import markdown, write_between_markers

PARTICLES = 5000
MEMORY = ((1, 1), (500, 64), (5000, 64), (5000, 640), (50000, 64))  # K, examples
DECODER = [sizes for name, sizes in common.LAYERS.items() if name not in common.ENCODER]
FLOPS = sum(2 * inputs * outputs for inputs, outputs in DECODER)  # for a particle


def prepared(examples):
    """Returns the model and its examples."""
    from tfvae import presets

    return presets.create("burda-1layer", seed=0), common.images(examples).reshape(-1, 28, 28, 1)


def speed(rounds, examples):
    """Returns the rates of the products and of the evaluation, GFLOP/s, a value for each round."""
    from peers.products import Products

    from tfvae import evaluation

    model, x = prepared(examples)
    product, products, evaluated = Products("decoder"), [], []
    for number in range(-1, rounds):
        rate = product.rate(40)
        began = time.perf_counter()
        evaluation.log_marginal(model, x, PARTICLES)
        seconds = time.perf_counter() - began
        if number >= 0:  # the first one traces
            products.append(rate)
            evaluated.append(len(x) * PARTICLES * FLOPS / seconds / 1e9)
    return products, evaluated


def peak(case):
    """Returns the MiB by which evaluating raises the process' peak; in a process of its own."""
    from tfvae import evaluation

    num_samples, examples = case
    model, x = prepared(examples)
    model.encode(x[:1])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    evaluation.log_marginal(model, x, num_samples)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, before / 1024


def main():
    """Prints the figures, and writes them where it was asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--examples", type=int, default=64)
    parser.add_argument("--out", type=Path, help="folder whose speed.md gets the figures")
    options = parser.parse_args()
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        memory = pool.map(peak, MEMORY, chunksize=1)
    products, evaluated = speed(options.rounds, options.examples)
    shares = [ours / theirs for ours, theirs in zip(evaluated, products, strict=True)]
    rows = [
        [f"{num_samples:,}", f"{examples:,}", f"{used:.0f}"]
        for (num_samples, examples), (used, _) in zip(MEMORY, memory, strict=True)
    ]
    text = (
        f"{statistics.median(evaluated):.0f} GFLOP/s of decoder products within the evaluation, beside "
        f"{statistics.median(products):.0f} GFLOP/s of products alone: {statistics.median(shares):.0%} "
        f"({min(shares):.0%} to {max(shares):.0%} in {options.rounds} rounds of {options.examples} examples), that is "
        f"{statistics.median(evaluated) * 1e9 / FLOPS / PARTICLES:.0f} examples a second.\n\n"
        f"{markdown(['K', 'examples', 'memory, MiB'], rows)}\n\n"
        f"Beside the {statistics.median(before for _, before in memory):.0f} MiB of the process with its model."
    )
    print(text)
    if options.out:
        write_between_markers(options.out / "speed.md", "evaluation", text)


if __name__ == "__main__":
    sys.exit(main())
