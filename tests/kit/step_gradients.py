"""What a training step hands to its optimiser, and what it reports, at many independent steps."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from kit.stats import assert_mean_close

Samples = dict[str, np.ndarray]


def sample(model, x, variables: Mapping, steps: int, *, first: int = 0, state: Mapping | None = None):
    """Runs `train_step` at steps first .. first + steps - 1 without moving any of the model's trained variables.

    Args:
        model: a `LatentVariableModel`, built.
        x: the batch of every step, or the pair (condition, x) of a conditional model.
        variables: name to trainable variable.
        steps: their number.
        first: number of the first step.
        state: name to variable that the step itself may move, read before each step.

    Returns:
        gradients: name to [steps, ...]: what the optimiser is given, as ascent directions, float64.
        figures: name to [steps]: the metrics of each step alone, and `state`.
    """
    taken = {}

    def apply(gradients, trained):
        by_id = {id(variable): gradient for gradient, variable in zip(gradients, trained, strict=True)}
        taken.update({name: -by_id[id(variable)] for name, variable in variables.items()})

    @tf.function
    def step(index):
        for metric in model.metrics:
            metric.reset_state()
        before = {name: tf.convert_to_tensor(variable) for name, variable in (state or {}).items()}
        model.optimizer = SimpleNamespace(
            iterations=index, variables=[index], scale_loss=lambda loss: loss, apply=apply
        )
        data = x if isinstance(x, tuple) else (x,)
        figures = model.train_step(tuple(tf.constant(part, tf.float32) for part in data))
        return dict(taken), before | figures

    rows = [step(tf.constant(index)) for index in range(first, first + steps)]
    return tuple(
        {name: np.stack([row[part][name] for row in rows]).astype(np.float64) for name in rows[0][part]}
        for part in (0, 1)
    )


def randomized(model, spread: float):
    """Builds a model and returns it with its trainable variables drawn from N(0, spread^2)."""
    model.build()
    rng = np.random.default_rng(6)
    for variable in model.trainable_variables:
        variable.assign(spread * rng.standard_normal(variable.shape))
    return model


def assert_those_of(expected, model, x, variables: Mapping, steps: int):
    """Holds steps 0 .. steps - 1 to `expected(step)`: the bound's gradients by name of the variable, and the bound."""
    samples, figures = sample(model, x, variables, steps)
    for step in range(steps):
        gradients, bound = expected(step)
        assert figures["bound"][step] == pytest.approx(float(bound), rel=1e-5)
        for name, gradient in gradients.items():
            np.testing.assert_allclose(samples[name][step], gradient, rtol=1e-4, atol=1e-5, err_msg=name)


def assert_same_mean(free: Samples, plain: Samples, equal: str):
    """Holds the gradients of two estimators to one mean; to each other at every step where the name starts so."""
    for name, values in plain.items():
        gap = free[name] - values
        if name.startswith(equal):
            np.testing.assert_allclose(gap, 0.0, atol=1e-5, err_msg=name)
        else:
            assert_mean_close(gap, 0.0, smallest_bug=0.1, name=name)
            assert np.abs(gap).max() > 1e-3
