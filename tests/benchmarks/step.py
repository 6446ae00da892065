"""Time of one training step of tfvae and of four peers, 784-200-200-50 tanh, batch 100, the same Adam.

    python tests/benchmarks/step.py [--rounds 7] [--num-samples 1 5 50] [--json FILE] [--out docs]

tfvae through `model.fit` as `tfvae train` compiles it, Keras with TFP through `model.fit`, PyTorch eager and compiled,
JAX; peers that are not installed are left out (pip install tfvae[bench]). Every implementation lives in a process of
its own, which sleeps while another takes its turn: none shares threads or memory with another. In each round each takes
N steps; the order is another in each round. The ratios are medians over the rounds of the ratio within a round, which a
machine that slows down for minutes does not move. The floor is the time that the step's matrix products take at the
rate that TensorFlow reaches, in tfvae's process and the same rounds, for the product of the decoder's last layer.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
from pathlib import Path

import worker
from peers import common
from processes import Worker
from reports import markdown, write_between_markers

OURS = "tfvae"
BACKWARD = f"{OURS}, backward particles 1"
SHAPES = ("decoder", "square")


def turns(num_samples):
    """Returns [(label, name, case)]."""
    names = [name for name in worker.PEERS if worker.installed(name)]
    found = [(name, name, {"num_samples": count}) for count in num_samples for name in names]
    if max(num_samples) > 1:
        found.append((BACKWARD, OURS, {"num_samples": max(num_samples), "backward_particles": 1}))
    return found


def steps_in_a_turn(num_samples):
    """Returns a number of steps that takes about a second."""
    return max(8, round(120 / (1 + num_samples / 5)))


def measure(num_samples, rounds, steps):
    """Returns {(label, K): [seconds per step]}, {shape: [GFLOP/s]}, each a value for each round."""
    cases = turns(num_samples)
    times = {(label, case["num_samples"]): [] for label, _, case in cases}
    rates = {shape: [] for shape in SHAPES}
    with contextlib.ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(name)) for name in dict.fromkeys(row[1] for row in cases)}
        for label, name, case in cases:
            print(f"warming up: {label}, K = {case['num_samples']}", file=sys.stderr)
            workers[name].ask(case=case, steps=3)
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for shape in SHAPES:
                rates[shape].append(workers[OURS].ask(product=shape, steps=15))
            shift = number % len(cases)
            for label, name, case in cases[shift:] + cases[:shift]:
                count = steps or steps_in_a_turn(case["num_samples"])
                times[label, case["num_samples"]].append(workers[name].ask(case=case, steps=count))
    return times, rates


def report(times, rates):
    """Returns a row for each implementation and K: what the table shows."""
    rows = []
    for (label, count), values in times.items():
        backward = 1 if label == BACKWARD else None
        flops = common.flops(count, backward)
        peers = {name: times[name, count] for name in worker.PEERS if name != OURS and (name, count) in times}
        fastest = min(peers, key=lambda name: statistics.median(peers[name]), default=None)
        ours = label.startswith(OURS)
        against = fastest if ours else label
        base = values if ours else times[OURS, count]
        ratio = None
        if against:
            ratio = statistics.median(p / o for p, o in zip(peers[against], base, strict=True))
        floor = [flops / rate / 1e9 / value for rate, value in zip(rates["decoder"], values, strict=True)]
        rows.append(
            {
                "K": count,
                "implementation": label,
                "median ms": 1e3 * statistics.median(values),
                "best ms": 1e3 * min(values),
                "tfvae is faster by": ratio,
                "against": fastest if ours else None,
                "GFLOP": flops / 1e9,
                "of the floor": statistics.median(floor),
            }
        )
    return sorted(rows, key=lambda row: row["K"])


def table(rows, rates):
    """Returns the report as Markdown."""
    cells = [
        [
            str(row["K"]),
            row["implementation"],
            f"{row['median ms']:.1f}",
            f"{row['best ms']:.1f}",
            "" if row["tfvae is faster by"] is None else f"{row['tfvae is faster by']:.2f}",
            row["against"] or "",
            f"{row['GFLOP']:.2f}",
            f"{row['of the floor']:.0%}",
        ]
        for row in rows
    ]
    heads = [
        "K",
        "implementation",
        "median, ms",
        "best, ms",
        "tfvae is faster by",
        "than",
        "GFLOP",
        "of the floor",
    ]
    said = ", ".join(
        f"{statistics.median(values):.0f} (best {max(values):.0f}) for the {shape}"
        for shape, values in rates.items()
    )
    rounds = len(rates["decoder"])
    return f"{markdown(heads, cells)}\n\n{rounds} rounds. Matrix products, GFLOP/s: {said}."


def main():
    """Prints the table, and writes what it was asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--num-samples", type=int, nargs="+", default=[1, 5, 50])
    parser.add_argument("--steps", type=int, help="in a turn; about a second's for none")
    parser.add_argument("--json", type=Path, help="file for the figures of every round")
    parser.add_argument("--out", type=Path, help="folder whose speed.md gets the table")
    options = parser.parse_args()
    missing = [name for name in worker.PEERS if not worker.installed(name)]
    if missing:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
    times, rates = measure(options.num_samples, options.rounds, options.steps)
    rows = report(times, rates)
    text = table(rows, rates)
    print(text)
    if options.json:
        every = [
            {"implementation": label, "K": count, "seconds": values}
            for (label, count), values in times.items()
        ]
        options.json.write_text(
            json.dumps({"rows": rows, "rounds": every, "GFLOP/s": rates}, indent=1) + "\n"
        )
    if options.out:
        write_between_markers(options.out / "speed.md", "step", text)


if __name__ == "__main__":
    main()
