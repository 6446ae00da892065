"""Which layer it was, after a loss or a gradient was not finite: costs nothing before."""

from __future__ import annotations

import contextlib

import tensorflow as tf

from tfvae import random


def broken_forward(model, x) -> str | None:
    """Says what is the first thing on the way from a batch to its log-densities that is not finite.

    Args:
        model: a VAE.
        x: [B, ...], a batch of training examples.

    Returns:
        what: a layer by its path; None where everything is finite.
    """
    if not _finite(x):
        return "the data hold NaN or infinity"
    with _recorded(model) as outputs:
        particles = _particles(model, x)
    for layer, finite in outputs:
        if not finite:
            own = [weight for weight in layer.weights if not _finite(weight.value)]
            if own:
                return f"weight {own[0].path} is not finite"
            return f"layer {layer.path} ({layer.compute_dtype}) gives values that are not finite"
    for name in ("log_likelihood", "log_prior", "log_posterior"):
        if not _finite(getattr(particles, name)):
            return f"the {name.replace('_', '-')} is not finite, every layer is"
    return None


def broken_backward(model, x, scale: float) -> str | None:
    """Says which layer is the first, from the loss backwards, whose gradient is not finite.

    Args:
        model, x: see `broken_forward`.
        scale: of the loss.

    Returns:
        what: a layer by its path; None where every gradient is finite.
    """
    with _recorded(model) as outputs, tf.GradientTape() as tape:
        loss = -scale * tf.reduce_mean(_particles(model, x).log_weights)
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


def _particles(model, x):
    noise = random.PhiloxNoise(random.fold(model.seed, "train", model.optimizer.iterations), len(x))
    return model.particles(x, model.num_samples, noise)


def _finite(value) -> bool:
    value = tf.convert_to_tensor(value)
    return not value.dtype.is_floating or bool(tf.reduce_all(tf.math.is_finite(value)))


@contextlib.contextmanager
def _recorded(model):
    """Lists the layers in the order in which they finish, each with whether all that it gave is finite."""
    outputs = []

    def watch(layer):
        call = layer.call

        def watched(*args, **kwargs):
            given = call(*args, **kwargs)
            outputs.append((layer, all(map(_finite, tf.nest.flatten(given)))))
            return given

        vars(layer)["call"] = watched

    layers = [layer for layer in model._flatten_layers(include_self=False) if "call" not in vars(layer)]
    for layer in layers:
        watch(layer)
    try:
        yield outputs
    finally:
        for layer in layers:
            del vars(layer)["call"]
