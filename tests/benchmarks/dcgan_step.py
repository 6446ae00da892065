"""Time of one training step of DCGAN, both players, in tfvae, PyTorch and JAX: 28x28x1, width 16, batch 128.

    python tests/benchmarks/dcgan_step.py [--rounds 7] [--steps 20] [--out docs]

tfvae through `model.fit` as `tfvae train --preset dcgan` compiles it. Each lives in a process of its own, which sleeps
while another takes its turn; the order is another in each round. Ratios are medians over the rounds of the ratio within
a round. Peers that are not installed are left out (pip install tfvae[bench]).
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
from pathlib import Path

import worker
from processes import Worker
from reports import markdown, write_between_markers

OURS = next(iter(worker.GAMES))
HEADS = ["implementation", "median, ms", "best, ms", "tfvae is faster by"]


def measure(rounds, steps):
    """Returns {name: [seconds per step]}, a value for each round."""
    names = [name for name in worker.GAMES if worker.installed(name)]
    times = {name: [] for name in names}
    with contextlib.ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(name)) for name in names}
        for name in names:
            print(f"warming up: {name}", file=sys.stderr)
            workers[name].ask(case={}, steps=3)
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            shift = number % len(names)
            for name in names[shift:] + names[:shift]:
                times[name].append(workers[name].ask(case={}, steps=steps))
    return times


def rows(times):
    """Returns the table's rows."""
    found = []
    for name, values in times.items():
        ratio = statistics.median(peer / ours for peer, ours in zip(values, times[OURS], strict=True))
        cells = [f"{1e3 * statistics.median(values):.1f}", f"{1e3 * min(values):.1f}", f"{ratio:.2f}"]
        found.append([name.removesuffix(", DCGAN"), *cells])
    return found


def main():
    """Prints the table, and writes it where it was asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=20, help="in a turn")
    parser.add_argument("--out", type=Path, help="folder whose speed.md gets the table")
    options = parser.parse_args()
    missing = [name for name in worker.GAMES if not worker.installed(name)]
    if missing:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
    text = f"{markdown(HEADS, rows(measure(options.rounds, options.steps)))}\n\n{options.rounds} rounds."
    print(text)
    if options.out:
        write_between_markers(options.out / "speed.md", "dcgan step", text)


if __name__ == "__main__":
    main()
