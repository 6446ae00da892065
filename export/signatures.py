"""The signatures of an exported model: what a server or a device can be asked.

Every input and output has one batch dimension, the first, and row b of the outputs depends on row b of the inputs
alone: a server may merge the requests of several clients, pad the batch and cut the answer up again.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfvae.checks import UserError, positive_int
from tfvae.export.log_prob import log_prob
from tfvae.random import ThreefryNoise

NUM_SAMPLES = 64  # particles of `log_prob` unless told otherwise


@dataclass(frozen=True)
class Signature:
    """One signature.

    Attributes:
        name: what clients call it.
        meaning: one line.
        inputs: its arguments; the first dimension of each is the batch.
        function: from tensors by name to a dictionary of tensors by name.
        input_meanings, output_meanings: by name, one line each.
    """

    name: str
    meaning: str
    inputs: dict[str, tf.TensorSpec]
    function: Callable[..., dict[str, tf.Tensor]]
    input_meanings: dict[str, str]
    output_meanings: dict[str, str]

    @functools.cached_property
    def concrete(self):
        """The concrete function."""
        return tf.function(self.function, autograph=False).get_concrete_function(**self.inputs)


def signatures(model, num_samples: int = NUM_SAMPLES, batch: int | None = None) -> dict[str, Signature]:
    """Returns the signatures of a model by name.

    Args:
        model: a built `tfvae` model.
        num_samples: particles K of `log_prob`.
        batch: rows of every request, or None for any number.

    Raises:
        UserError: if a number is not a positive integer.
    """
    positive_int("num_samples", num_samples)
    x = tf.TensorSpec([batch, *model.event_shape], tf.float32, "x")
    z = tf.TensorSpec([batch, *model.posterior_head.event_shape], tf.float32, "z")
    seed = tf.TensorSpec([batch, 2], tf.int32, "seed")
    says = {
        "x": "examples",
        "z": "latent vectors",
        "seed": "any two integers for each row; equal seeds give equal rows; sample i of seed s in Python is (s, i)",
        "image": "mean of p(x|z)",
        "latent": "the draw z from the prior",
        "elbo": f"mean_k log w_k, k = 1..{num_samples}, nats: a bound on log p(x)",
        "log_prob": f"log mean_k w_k, k = 1..{num_samples}, nats: an estimate of log p(x) from below",
    }

    def image(z):
        return model.likelihood_head.mean(model.likelihood_parameters(z))

    def reconstruct(x):
        return {"image": image(model.posterior_head.mean(model.posterior_parameters(x)))}

    def encode(x):
        head = model.posterior_head
        return dict(zip(head.parameter_names, head.served(model.posterior_parameters(x)), strict=True))

    def decode(z):
        return {"image": image(z)}

    def sample(seed):
        z = model.sample_latents(ThreefryNoise(seed))
        return {"image": image(z), "latent": z}

    def score(x, seed):
        elbo, estimate = log_prob(model, x, ThreefryNoise(seed), num_samples)
        return {"elbo": elbo, "log_prob": estimate}

    parameters = {name: f"{name} of q(z|x)" for name in model.posterior_head.parameter_names}
    rows = (
        ("serving_default", "the same as reconstruct", {"x": x}, reconstruct, ("image",)),
        ("reconstruct", "decode of the posterior's mean", {"x": x}, reconstruct, ("image",)),
        ("encode", "parameters of the posterior q(z|x)", {"x": x}, encode, tuple(parameters)),
        ("decode", "mean image of given latents", {"z": z}, decode, ("image",)),
        ("sample", "a draw from the prior and its mean image", {"seed": seed}, sample, ("image", "latent")),
        ("log_prob", "log-likelihood by importance sampling from q(z|x)", {"x": x, "seed": seed}, score,
         ("elbo", "log_prob")),
    )  # fmt: skip
    return {
        name: Signature(
            name,
            meaning,
            inputs,
            function,
            {key: says[key] for key in inputs},
            {key: (says | parameters)[key] for key in outputs},
        )
        for name, meaning, inputs, function, outputs in rows
    }


def check_exportable(model) -> None:
    """Raises a `UserError` unless the model is built and its weights are finite numbers."""
    if not hasattr(model, "likelihood_parameters"):
        raise UserError(
            "this model cannot be exported", expected="a tfvae model", received=type(model).__name__
        )
    if not model.built:
        raise UserError(
            "the model has no weights yet",
            expected="a built and trained model",
            received=f"an unbuilt {type(model).__name__}",
            fix="call model.build() or model.fit(...) first",
        )
    for weight in model.weights:
        if not np.isfinite(weight.numpy()).all():
            raise UserError(
                f"weight {weight.path} is not finite",
                expected="numbers",
                received="NaN or infinity",
                fix="export an earlier checkpoint, or train with a smaller learning rate",
            )


def warn_if_untrained(model) -> None:
    """Warns if the model was compiled and its optimiser has taken no step."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and int(optimizer.iterations) == 0:
        warnings.warn("the model's optimizer has taken no step: exporting untrained weights", stacklevel=3)
