"""Runs in a process with two logical devices: python mirrored_float16.py FOLDER; prints what it finds as JSON."""

import json
import sys
from pathlib import Path

import numpy as np

from tfvae.training import checkpoint, data, figures, loop, strategy
from tfvae.training.config import Config
from tfvae.training.run_directory import RunDirectory

FOLDER = Path(sys.argv[1])
COMMON = {
    "dataset": str(FOLDER / "data.npz"),
    "mixed_precision": "float16",
    "latent_size": 3,
    "estimator": "dreg",
    "batch_size": 19,
    "epochs": 6,
    "validation_size": 0,
    "figures_every": 0,
    "schedule": "constant",
}


def run(kind, replicas):
    """Scale of the loss, steps taken and history of a run that begins at too high a scale."""
    folder = RunDirectory(FOLDER / kind)
    config = Config.resolve(COMMON | {"strategy": kind, "replicas": replicas})
    loop.train(config, folder, say=lambda line: None)
    last = checkpoint.load_newest(folder.checkpoints)[0]
    with strategy.scope(config):
        model = loop.build(config, loop.load_data(config))
        checkpoint.restore(last, model)
    names = ("bound", "rate", "distortion", "loss")
    table = np.array([[row[name] for name in names] for row in last.history])
    return (*state(model.optimizer), table)


def state(optimizer):
    """Scale of the loss, and steps taken."""
    scale, steps = (np.asarray(variable) for variable in (optimizer.dynamic_scale, optimizer.iterations))
    return float(scale), int(steps)


def compare_runs():
    loop.LOSS_SCALE = 2.0**21
    (scale, steps, table), (scale_one, steps_one, expected) = run("mirrored", 2), run("none", 0)
    return {
        "scale": [scale, scale_one],
        "steps": [steps, steps_one],
        "batches": COMMON["epochs"] * data.steps_per_epoch(41, COMMON["batch_size"]),
        "history": float((np.abs(table - expected) / np.abs(expected)).max()),
    }


def one_replica_overflows(which):
    """A step whose gradients are infinite on one replica alone."""
    import keras
    import tensorflow as tf

    from tfvae.models import replicas

    with strategy.scope(Config.resolve(COMMON | {"strategy": "mirrored", "replicas": 2})):
        mirrored = tf.distribute.get_strategy()
        weight = keras.Variable(1.0)
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=1024.0)
        optimizer.build([weight])

    @tf.function
    def step():
        def learn():
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            gradient = tf.where(replica == which, float("inf"), 1.0)
            optimizer.apply(replicas.agree([gradient]), [weight])

        mirrored.run(learn)

    step()
    return (*state(optimizer), abs(float(np.asarray(weight)) - 1.0))


if __name__ == "__main__":
    grey = np.random.default_rng(0).random((51, 8, 8)).astype(np.float32)
    np.savez(FOLDER / "data.npz", x_train=grey[:41], x_test=grey[41:])
    figures.Painter.draw = lambda self: None
    found = {"run": compare_runs()}
    cases = [one_replica_overflows(which) for which in (0, 1)]
    found["one replica overflows"] = {
        "iterations": [case[1] for case in cases],
        "scale": [case[0] for case in cases],
        "moved": max(case[2] for case in cases),
    }
    print(json.dumps(found))
