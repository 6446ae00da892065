"""The signatures of an exported model: what a server or a device can be asked.

Every input and output has one batch dimension, the first, and row b of the outputs depends on row b of the inputs
alone: a server may merge the requests of several clients, pad the batch and cut the answer up again.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfvae import memory
from tfvae.checks import PARTICLES, UserError, positive_int
from tfvae.export.log_prob import log_prob
from tfvae.models import checking
from tfvae.models.keras_model import KerasModel
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
        """The concrete function; it checks no values, as a client shares its batch with others."""
        with checking.unchecked():
            return tf.function(self.function, autograph=False).get_concrete_function(**self.inputs)


def signatures(model, num_samples: int = NUM_SAMPLES, batch: int | None = None) -> dict[str, Signature]:
    """Returns the signatures of a model by name.

    A model with a condition takes it as one more input, `condition`, of each, and has the signature `predict`, which is
    its `serving_default`; a regressor has no others but `log_prob`.

    Args:
        model: a built `tfvae` model.
        num_samples: particles K of `log_prob`.
        batch: rows of every request, or None for any number.

    Raises:
        UserError: if a number is not a positive integer.
    """
    positive_int("num_samples", num_samples, PARTICLES)
    numbers = num_samples * (batch or 1) * math.prod(model.event_shape)
    memory.check(
        f"log_prob of {num_samples} particles", 4.0 * numbers, fix="choose fewer, or a smaller batch"
    )
    given = {}
    if model.takes_condition:
        given["condition"] = tf.TensorSpec([batch, *model.condition_shape], tf.float32, "condition")
    x = {"x": tf.TensorSpec([batch, *model.event_shape], tf.float32, "x")} | given
    rows = _latent_rows(model, x, given, batch, num_samples) if model.latents else ()
    if model.takes_condition:
        rows = (*_conditional_rows(model, x, given), *(row for row in rows if row[0] != "serving_default"))
    says = meanings(model, num_samples)
    return {
        name: Signature(
            name,
            meaning,
            inputs,
            function,
            {key: says[key] for key in inputs},
            {key: says[key] for key in outputs},
        )
        for name, meaning, inputs, function, outputs in rows
    }


def meanings(model, num_samples: int) -> dict[str, str]:
    """Returns what inputs and outputs mean, by name."""
    c = ", c" if model.takes_condition else ""
    of_x, of_z = ("p(x|c)", "p(z|c)") if c else ("p(x)", "the prior")
    says = {
        "x": "examples",
        "condition": "conditions c",
        "z": "latent vectors",
        "seed": "any two integers for each row; equal seeds give equal rows; sample i of seed s in Python is (s, i)",
        "image": f"mean of p(x|z{c})",
        "latent": f"the draw z from {of_z}",
        "elbo": f"mean_k log w_k, k = 1..{num_samples}, nats: a bound on log {of_x}",
        "log_prob": f"log mean_k w_k, k = 1..{num_samples}, nats: an estimate of log {of_x} from below",
    }
    if model.latents is None:
        return says | {"image": "mean of p(x|c)", "log_prob": "log p(x|c), nats, exact"}
    return says | {name: f"{name} of q(z|x{c})" for name in model.posterior_head.parameter_names}


def _latent_rows(model, x, given, batch, num_samples):
    """Returns the rows of a model with latents; `given` is the condition's specification, if it has one."""
    z = {"z": tf.TensorSpec([batch, *model.posterior_head.event_shape], tf.float32, "z")} | given
    seed = {"seed": tf.TensorSpec([batch, 2], tf.int32, "seed")}
    parameters = model.posterior_head.parameter_names

    def reconstruct(**batch):
        return {"image": model.reconstruct(**batch)}

    def encode(**batch):
        q = model.posterior_parameters(model.check_examples(**batch))
        return dict(zip(parameters, model.posterior_head.served(q), strict=True))

    def decode(**batch):
        return {"image": model.decode(**batch)}

    def sample(seed, **given):
        z = model.sample_latents(ThreefryNoise(seed), **given)
        return {"image": model.decode(z, **given), "latent": z}

    def score(seed, **batch):
        elbo, estimate = log_prob(model, model.check_examples(**batch), ThreefryNoise(seed), num_samples)
        return {"elbo": elbo, "log_prob": estimate}

    q = "q(z|x, c)" if given else "q(z|x)"
    return (
        ("serving_default", "the same as reconstruct", x, reconstruct, ("image",)),
        ("reconstruct", "decode of the posterior's mean", x, reconstruct, ("image",)),
        ("encode", f"parameters of the posterior {q}", x, encode, parameters),
        ("decode", "mean image of given latents", z, decode, ("image",)),
        ("sample", "a draw from the prior and its mean image", seed | given, sample, ("image", "latent")),
        (
            "log_prob",
            f"log-likelihood by importance sampling from {q}",
            x | seed,
            score,
            ("elbo", "log_prob"),
        ),
    )


def _conditional_rows(model, x, given):
    """Returns the rows of a model with a condition that need no latents."""

    def predict(condition):
        return {"image": model.call(model.check_condition(condition))}

    def score(**batch):
        return {"log_prob": model.log_prob(**batch)}

    rows = (
        ("serving_default", "the same as predict", given, predict, ("image",)),
        ("predict", "the mean prediction for a condition", given, predict, ("image",)),
    )
    if model.latents:
        return rows
    return (*rows, ("log_prob", "log-likelihood of the regressor", x, score, ("log_prob",)))


def check_exportable(model) -> None:
    """Raises a `UserError` unless the model is built and its weights are finite numbers."""
    if not isinstance(model, KerasModel):
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
