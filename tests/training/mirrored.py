"""Runs in a process with two logical devices: python mirrored.py FOLDER; prints what it finds as JSON.

The same runs on one device and mirrored over two, at the same global batch: 41 examples in batches of 20, so that the
last batch of an epoch gives one replica a row and the other none; then batches of 15, uneven from the first on.
"""

import json
import sys
from pathlib import Path

import numpy as np

from tfvae.training import data, loop, quiet_tensorflow
from tfvae.training.config import Config
from tfvae.training.distribution import strategy
from tfvae.training.runs import checkpoint, figures
from tfvae.training.runs.directory import RunDirectory

FOLDER = Path(sys.argv[1])
CASES = {
    "dreg": {
        "estimator": "dreg",
        "num_samples": 3,
        "kl_warmup": 2,
        "batch_size": 20,
        "epochs": 7,
        "validation_size": 0,
    },
    "free bits": {
        "estimator": "elbo-analytic",
        "free_bits": 0.1,
        "batch_size": 15,
        "epochs": 8,
        "validation_size": 7,
        "patience": 7,
    },
    "conv": {"preset": "conv", "batch_size": 19, "epochs": 1, "validation_size": 0, "schedule": "constant"},
}


def state(run):
    last = checkpoint.load(sorted(run.checkpoints.iterdir())[-1])
    return last.arrays, last.history


def difference(first, second):
    """Largest difference of two lists of arrays, each in units of its largest entry."""
    return max(
        float(np.abs(a.astype(np.float64) - b).max() / max(np.abs(a).max(), 1e-30))
        for a, b in zip(first, second, strict=True)
    )


def compare(name, settings):
    common = {
        "dataset": str(FOLDER / "data.npz"),
        "latent_size": 3,
        "figures_every": 0,
        "schedule": "constant",
    }
    states = []
    for kind, replicas in (("mirrored", 2), ("none", 0)):
        run = RunDirectory(FOLDER / f"{name}-{kind}")
        config = Config.resolve(common | settings | {"strategy": kind, "replicas": replicas})
        loop.train(config, run, say=lambda line: None)
        states.append(state(run))
    (mirrored, rows), (single, expected) = states
    names = [key for key in rows[0] if key != "seconds"]
    figures_of = [[np.array([row[key] for key in names]) for row in table] for table in (rows, expected)]
    return {
        "weights": difference(mirrored, single),
        "history": difference(*figures_of),
        "steps": int(
            data.steps_per_epoch(41 - settings["validation_size"], settings["batch_size"]) * len(rows)
        ),
    }


def noise_of_replicas():
    """Noise of a batch of 5 whole, and as two replicas draw it."""
    import tensorflow as tf

    from tfvae import random
    from tfvae.models import replicas

    seed = random.fold(3, "train", 0)
    with strategy.scope(Config.resolve({"replicas": 2})):
        mirrored = tf.distribute.get_strategy()

    def draw():
        rows = 3 - tf.distribute.get_replica_context().replica_id_in_sync_group
        first, total = replicas.place(rows)
        return random.PhiloxNoise(seed, rows, first).normal("posterior", 2, 3), total

    drawn, totals = mirrored.run(tf.function(draw))
    parts = [part.numpy() for part in mirrored.experimental_local_results(drawn)]
    whole = random.PhiloxNoise(seed, 5).normal("posterior", 2, 3).numpy()
    return {
        "shapes": [list(part.shape) for part in parts],
        "totals": [int(total) for total in mirrored.experimental_local_results(totals)],
        "same as whole": bool(np.array_equal(np.concatenate(parts, axis=1), whole)),
        "distinct": len(np.unique(whole)) == whole.size,
    }


def load_after_a_computation(*arguments, **options):
    """As a TFDS data set, which TensorFlow reads."""
    quiet_tensorflow.tensorflow().constant(1.0) + 1.0
    return load(*arguments, **options)


if __name__ == "__main__":
    grey = np.random.default_rng(0).random((51, 8, 8)).astype(np.float32)
    np.savez(FOLDER / "data.npz", x_train=grey[:41], x_test=grey[41:])
    load, data.load = data.load, load_after_a_computation
    figures.draw_run = lambda *_: None
    found = {name: compare(name, settings) for name, settings in CASES.items()}
    print(json.dumps(found | {"noise": noise_of_replicas()}))
