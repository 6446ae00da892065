"""Which layer it was, after a loss or a gradient was not finite: costs nothing before."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from tfvae import compat, random
from tfvae.models.contract import Density, Inferential
from tfvae.models.discriminating import Discriminating


def broken_forward(model: Any, batch: Any) -> str | None:
    """Says what is the first thing on the way from a batch to its log-densities that is not finite.

    Args:
        model: a `tfvae` model.
        batch: of training examples, as `fit` takes it.

    Returns:
        what: a layer by its path; None where everything is finite.
    """
    if not all(map(_finite, tf.nest.flatten(batch))):
        return "the data hold NaN or infinity"
    with _recorded(model) as outputs:
        densities = _densities(model, batch)
    for layer, finite in outputs:
        if not finite:
            own = [weight for weight in layer.weights if not _finite(weight.value)]
            if own:
                return f"weight {own[0].path} is not finite"
            return f"layer {layer.path} ({layer.compute_dtype}) gives values that are not finite"
    for name, density in densities.items():
        if not _finite(density):
            return f"the {name} is not finite, every layer is"
    return None


def broken_backward(model: Any, batch: Any, scale: float) -> str | None:
    """Says which layer is the first, from the loss backwards, whose gradient is not finite.

    Args:
        model, batch: see `broken_forward`.
        scale: of the loss.

    Returns:
        what: a layer by its path; None where every gradient is finite.
    """
    with _recorded(model) as outputs, tf.GradientTape() as tape:
        densities = _densities(model, batch)
        loss = -scale * tf.reduce_mean(tf.add_n(list(densities.values())))
    variables = model.trainable_variables
    gradients = tape.gradient(loss, variables)
    broken = {
        id(variable): variable.path
        for variable, gradient in zip(variables, gradients, strict=True)
        if gradient is not None and not _finite(gradient)
    }
    for layer, _ in reversed(outputs):
        for variable in layer.trainable_variables:
            if id(variable) in broken:
                return f"the gradient of {broken[id(variable)]} is not finite"
    return None


def _densities(model: Any, batch: Any) -> dict[str, tf.Tensor]:
    """Returns the log-densities by name, each with its sign in the bound, or what a game makes of a batch."""
    inputs, targets, _ = keras.utils.unpack_x_y_sample_weight(batch)
    named = model.named(inputs, targets)
    if isinstance(model, Density):
        return {"log-likelihood": model.log_prob(**named)}
    x = model.cast_examples(**named)
    infers: bool = isinstance(model, Inferential)
    if not infers:
        samples = model.sample(len(inputs), seed=0)
        discriminates: bool = isinstance(model, Discriminating)
        if not discriminates:
            return {"samples": samples}
        return {
            "output for examples": model.call(x),
            "output for samples": model.call(samples),
        }
    noise = random.PhiloxNoise(model.train_seed(), len(inputs))
    particles = model.particles(x, model.num_samples, noise)
    return {
        "log-likelihood": particles.log_likelihood,
        "log-prior": particles.log_prior,
        "log-posterior": -particles.log_posterior,
    }


def _finite(value: Any) -> bool:
    value = tf.convert_to_tensor(value)
    return not value.dtype.is_floating or bool(tf.reduce_all(tf.math.is_finite(value)))


@contextlib.contextmanager
def _recorded(model: Any) -> Iterator[list[tuple[Any, bool]]]:
    """Lists the layers in the order in which they finish, each with whether all that it gave is finite."""
    outputs = []

    def watch(layer: Any) -> None:
        call = layer.call

        def watched(*args: Any, **kwargs: Any) -> Any:
            given = call(*args, **kwargs)
            outputs.append((layer, all(map(_finite, tf.nest.flatten(given)))))
            return given

        vars(layer)["call"] = watched

    layers = [layer for layer in compat.layers_of(model, include_self=False) if "call" not in vars(layer)]
    for layer in layers:
        watch(layer)
    try:
        yield outputs
    finally:
        for layer in layers:
            del vars(layer)["call"]
