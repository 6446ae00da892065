"""How the time of a training step and its memory grow, and what a second replica gains.

    python tests/benchmarks/scaling.py [--out docs] [--rounds 3] [--quick]

784-200-200-50 tanh through `model.fit`, as tests/benchmarks/step.py runs it: step time against the number of particles
K, the batch and the latent size, one of them at a time; peak memory against K, each K in a process of its own, less
what the process held after a step of one particle; and `tfvae train` on one device, on two replicas and, where the
command line has them, on two workers. Writes scaling.json and scaling.png into the folder, and the tables into its
speed.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

import numpy as np
import replicas
import scaling_figure
from processes import Worker
from reports import markdown, write_between_markers

AXES = {  # name: (argument of the step, its values, the other arguments)
    "K": ("num_samples", (1, 2, 5, 10, 20, 50, 100, 200, 500), {"batch_size": 100, "latent_size": 50}),
    "batch": ("batch_size", (20, 50, 100, 200, 500, 1000, 2000), {"num_samples": 5, "latent_size": 50}),
    "latent size": ("latent_size", (2, 5, 10, 20, 50, 100, 200, 500), {"num_samples": 50, "batch_size": 100}),
}
MEMORY = (1, 5, 20, 50, 100, 200, 500)
SECONDS = 0.4  # of a turn


def step_times(axes, rounds):
    """Returns {axis: [(value, seconds per step)]}, medians over rounds that take all points in turn."""
    points = [(axis, value) for axis, (_, values, _) in axes.items() for value in values]
    times = {point: [] for point in points}
    with Worker("tfvae") as process:

        def turn(point, steps):
            argument, _, others = axes[point[0]]
            return process.ask(case=others | {argument: point[1]}, steps=steps)

        counts = {}
        for point in points:
            print(f"warming up: {point[0]} = {point[1]}", file=sys.stderr)
            turn(point, 1)
            counts[point] = int(np.clip(SECONDS / turn(point, 2), 2, 60))
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for point in points:
                times[point].append(turn(point, counts[point]))
    found = {axis: [] for axis in axes}
    for (axis, value), values in times.items():
        found[axis].append((value, statistics.median(values)))
    return found


def memory(counts):
    """Returns [(K, MiB)]: the peak of a process that trains with K particles, less that with one of one example."""

    def peak(**case):
        with Worker("tfvae") as process:
            process.ask(case=case, steps=4)
            return process.ask(peak=True)

    print("memory", file=sys.stderr)
    empty = peak(num_samples=1, batch_size=1)
    return [(count, peak(num_samples=count) - empty) for count in counts]


def growth(points):
    """Returns the exponent of a power law between the last two points: 1 for growth in proportion."""
    (x0, y0), (x1, y1) = points[-2:]
    return float(np.log(y1 / y0) / np.log(x1 / x0))


def tables(found):
    """Returns the report as Markdown."""
    parts = []
    for axis, points in found["steps"].items():
        argument, _, others = AXES[axis]
        rows = [[str(value), f"{1e3 * seconds:.1f}"] for value, seconds in points]
        if axis != "latent size":
            for row, (value, seconds) in zip(rows, points, strict=True):
                rest = others["batch_size"] if argument == "num_samples" else others["num_samples"]
                row.append(f"{1e6 * seconds / value / rest:.1f}")
        heads = [axis, "ms per step", "us per particle of an example"][: len(rows[0])]
        said = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in others.items())
        exponent = f"Between the last two points the time grows as {axis}^{growth(points):.2f}."
        parts.append(f"Step time, {said}:\n\n{markdown(heads, rows)}\n\n{exponent}")
    rows = [[str(count), f"{size:.0f}"] for count, size in found["memory"]]
    parts.append(f"Peak memory of the step's tensors, batch size 100:\n\n{markdown(['K', 'MiB'], rows)}")
    one = found["replicas"]["one device"]
    rows = [[name, f"{1e3 * value:.1f}", f"{one / value:.2f}"] for name, value in found["replicas"].items()]
    heads = ["how", "ms per step", "speed against one device"]
    parts.append(f"`tfvae train`, {replicas.SAID}:\n\n{markdown(heads, rows)}")
    return "\n\n".join(parts)


def main():
    """Measures, prints the tables, and writes what it was asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--out", type=Path, help="folder for scaling.json, scaling.png and the tables in speed.md"
    )
    parser.add_argument("--quick", action="store_true", help="two points of each curve, to try the script")
    options = parser.parse_args()
    axes, counts = AXES, MEMORY
    if options.quick:
        axes = {axis: (name, values[:3:2], others) for axis, (name, values, others) in AXES.items()}
        counts = MEMORY[:2]
    found = {
        "steps": step_times(axes, options.rounds),
        "memory": memory(counts),
        "replicas": replicas.measure(),
    }
    text = tables(found)
    print(text)
    if options.out:
        (options.out / "scaling.json").write_text(json.dumps(found, indent=1) + "\n")
        scaling_figure.save(options.out / "scaling.png", found)
        write_between_markers(options.out / "speed.md", "scaling", text)


if __name__ == "__main__":
    main()
