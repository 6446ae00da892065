"""The time of a step of `tfvae train` on one device, two replicas and two workers."""

from __future__ import annotations

import csv
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from peers import common

EXAMPLES, BATCH, K, EPOCHS, PASSES = 2000, 200, 20, 5, 2
SAID = f"batch size {BATCH}, K {K}; two replicas are two logical devices of one CPU, two workers are two processes"
WAYS = {  # name: (arguments, cores; None for all)
    "one device on one core": (["--strategy", "none"], 1),
    "one device": (["--strategy", "none"], None),
    "two replicas": (["--strategy", "mirrored", "--replicas", "2"], None),
    "two workers": (["--strategy", "multiworker", "--workers", "2"], None),
}
COMMAND = [sys.executable, "-c", "import sys; from tfvae.cli import main; sys.exit(main())"]


def known(arguments):
    """Returns whether the command line has all these flags."""
    text = subprocess.run([*COMMAND, "train", "--help"], capture_output=True, text=True, check=True).stdout
    return all(word in text for word in arguments if word.startswith("--"))


def measure():
    """Returns {way: seconds per step}: medians over the epochs of runs that take turns."""
    found = {}
    for name, (arguments, _) in WAYS.items():
        if known(arguments):
            found[name] = []
        else:
            print(f"{name}: this version has no {' '.join(arguments)}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.npz"
        images = common.images(EXAMPLES).reshape(-1, 28, 28, 1)
        np.savez(file, x_train=images, x_test=images[:BATCH])
        for number in range(PASSES):
            for name, seconds in found.items():
                print(name, file=sys.stderr)
                run = Path(folder) / f"{name.replace(' ', '-')}-{number}"
                seconds += _seconds_per_step(run, file, *WAYS[name])
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def _seconds_per_step(run, file, arguments, cores):
    """Returns a value for each epoch after the first, which is traced."""
    settings = {
        "preset": "burda-1layer",
        "dataset": file,
        "estimator": "iwae",
        "num-samples": K,
        "batch-size": BATCH,
        "epochs": EPOCHS,
        "validation-size": 0,
        "figures-every": 0,
        "run-dir": run,
    }
    words = [str(word) for name, value in settings.items() for word in (f"--{name}", value)]
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    done = subprocess.run(
        [*COMMAND, "train", *words, *arguments],
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, allowed),
    )
    if done.returncode:
        raise RuntimeError(f"tfvae train {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    with open(run / "history.csv", newline="") as rows:
        seconds = [float(row["seconds"]) for row in csv.DictReader(rows)]
    return [value / (EXAMPLES / BATCH) for value in seconds[1:]]
