"""What a run is, in the lines that `tfvae train` begins with."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tfvae.training import data
from tfvae.training.config import Config
from tfvae.training.data.pipelines import BINARIZE
from tfvae.training.runs.directory import RunDirectory


def tell(
    say: Callable[[str], None], run: RunDirectory, loaded: data.DataSet, config: Config, model: Any
) -> None:
    """Says what a run is, line by line; call it in the strategy's scope."""
    import tensorflow as tf

    say(of_data(loaded, config))
    say(of_model(model, config))
    say(of_training(config, model, data.steps_per_epoch(len(loaded.train), config.batch_size)))
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    say(of_devices(replicas, tf.config.list_logical_devices()))
    say(f"run        {run.path}")


def of_data(loaded: data.DataSet, config: Config) -> str:
    """Returns a line about the data: sizes of the splits, shape, range, and what the model gets of it."""
    counts = [f"{len(getattr(loaded, name)):,} {name}" for name in ("train", "validation", "test")]
    shape, x = loaded.image_shape, loaded.train.images
    kind = f"images {' x '.join(map(str, shape))}" if len(shape) == 3 else f"vectors of {shape[0]}"
    low, high = (float(value) for value in (np.min(x), np.max(x)))
    seen = "" if config.binarize == "none" else f", binarised: {BINARIZE[config.binarize]}"
    given = "" if config.condition == "none" else f", given the {config.condition}"
    limits = f"{low:.4g} to {high:.4g}"
    return f"data       {loaded.name}: {', '.join(counts)} {kind}, {limits}{seen}{given}"


def of_model(model: Any, config: Config) -> str:
    """Returns a line about the model: its class, its heads, and its trainable parameters."""
    prior, likelihood = (getattr(model, f"{role}_head", None) for role in ("prior", "likelihood"))
    roles = {"q(z|x)": getattr(model, "posterior_heads", ()), "p(z)": [prior], "p(x|z)": [likelihood]}
    told = {
        name: " and ".join(f"{type(head).__name__}{_shape(head.event_shape)}" for head in heads if head)
        for name, heads in roles.items()
    }
    parts = [f"{name} {heads}" for name, heads in told.items() if heads]
    count = sum(math.prod(weight.shape) for weight in model.trainable_variables)
    return f"model      {type(model).__name__} (preset {config.preset}): {'; '.join(parts)}; {count:,} parameters"


def of_training(config: Config, model: Any, steps: int) -> str:
    """Returns a line about how the model is trained.

    Args:
        config: settings of the run.
        model: its model.
        steps: optimiser steps in an epoch.
    """
    if config.likelihood is None:
        how = f"cost {config.cost}" if config.cost else "by comparing samples"
    else:
        how = (
            "log-likelihood" if config.estimator is None else f"{config.estimator}, K = {config.num_samples}"
        )
    rate = f"{config.schedule} learning rate {config.learning_rate:g}"
    compiled = ", compiled by XLA" if model.jit_compile is True else ""
    return (
        f"training   {how}; {rate}; {config.epochs:,} epochs of {steps:,} steps of {config.batch_size:,} examples"
        f"{compiled}"
    )


def of_devices(replicas: int, devices: list[Any]) -> str:
    """Returns a line about the devices that compute.

    Args:
        replicas: replicas that share each batch.
        devices: logical devices of TensorFlow.
    """
    gpus = [device for device in devices if device.device_type == "GPU"]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = f"{len(gpus)} GPU" + "s" * (len(gpus) > 1) if gpus else f"CPU, {cores} cores"
    return f"device     {found}" + f", {replicas} replicas share each batch" * (replicas > 1)


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"
