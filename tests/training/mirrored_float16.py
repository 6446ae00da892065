"""Runs in a process with two logical devices: python mirrored_float16.py FOLDER; prints what it finds as JSON."""

import json
import sys
from pathlib import Path

import numpy as np

from tfvae.training import data, loop, optimisers
from tfvae.training.config import Config
from tfvae.training.distribution import strategy
from tfvae.training.runs import checkpoint, figures
from tfvae.training.runs.directory import RunDirectory

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


def run(kind, replicas, scale):
    """The model of a run, its history, and on how many of its variables the replicas do not agree."""
    folder = RunDirectory(FOLDER / f"{kind}-{scale:g}")
    optimisers.LOSS_SCALE = scale
    trained = []
    figures.draw_run = lambda run, model, *_: trained.append(model)
    config = Config.resolve(COMMON | {"strategy": kind, "replicas": replicas})
    loop.train(config, folder, say=lambda line: None)
    (model,) = trained
    last = checkpoint.load_newest(folder.checkpoints)[0]
    names = ("bound", "rate", "distortion", "loss")
    return (
        model.optimizer,
        np.array([[row[name] for name in names] for row in last.history]),
        differing(model),
    )


def differing(model):
    import tensorflow as tf

    variables = [*model.trainable_variables, *model.optimizer.variables]
    values = [tf.distribute.get_strategy().experimental_local_results(each.value) for each in variables]
    return sum(not np.array_equal(each[0], other) for each in values for other in each[1:])


def state(optimizer):
    """Scale of the loss, and steps taken."""
    scale, steps = (np.asarray(variable) for variable in (optimizer.dynamic_scale, optimizer.iterations))
    return float(scale), int(steps)


def compare_runs():
    (two, table, apart), (one, expected, _) = run("mirrored", 2, 1024.0), run("none", 0, 1024.0)
    return {
        "states": [state(two), state(one)],
        "replicas apart": apart,
        "history": float((np.abs(table - expected) / np.abs(expected)).max()),
    }


def begin_too_high():
    optimizer, table, apart = run("mirrored", 2, 2.0**21)
    scale, steps = state(optimizer)
    return {
        "scale": scale,
        "steps": steps,
        "batches": COMMON["epochs"] * data.steps_per_epoch(41, COMMON["batch_size"]),
        "replicas apart": apart,
        "finite": bool(np.isfinite(table).all()),
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
    found = {"run": compare_runs(), "begun too high": begin_too_high()}
    cases = [one_replica_overflows(which) for which in (0, 1)]
    found["one replica overflows"] = {
        "iterations": [case[1] for case in cases],
        "scale": [case[0] for case in cases],
        "moved": max(case[2] for case in cases),
    }
    print(json.dumps(found))
