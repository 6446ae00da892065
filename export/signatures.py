"""The signatures of an exported model: the functions that a server or a device offers.

Every input and output has one batch dimension, the first. Row b of the outputs depends only on row b of the inputs, so
that a server may merge the requests of several clients, pad the batch and divide the answer.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import memory
from tfvae.checks import PARTICLES, UserError, positive_int
from tfvae.export.log_prob import log_prob
from tfvae.models import checking
from tfvae.models.conditional import Conditional
from tfvae.models.contract import Density, Generative, Inferential
from tfvae.models.discriminating import Discriminating
from tfvae.models.keras_model import KerasModel
from tfvae.random import ThreefryNoise

NUM_SAMPLES = 64  # default number of particles of `log_prob`

Specs = dict[str, tf.TensorSpec]
Outputs = dict[str, tf.Tensor]
# name, meaning, inputs, function, names of outputs
Row = tuple[str, str, Specs, Callable[..., Outputs], Sequence[str]]


@dataclass(frozen=True)
class Signature:
    """One signature.

    Attributes:
        name: name of the signature.
        meaning: description in one line.
        inputs: specifications of the inputs by name. The first dimension of each is the batch.
        function: function from tensors by name to a dictionary of tensors by name.
        input_meanings, output_meanings: descriptions by name, one line each.
    """

    name: str
    meaning: str
    inputs: dict[str, tf.TensorSpec]
    function: Callable[..., dict[str, tf.Tensor]]
    input_meanings: dict[str, str]
    output_meanings: dict[str, str]

    @functools.cached_property
    def concrete(self) -> Any:
        """The concrete function. It checks no values, because a client shares its batch with others."""
        with checking.unchecked():
            return tf.function(self.function, autograph=False).get_concrete_function(**self.inputs)


def signatures(model: Any, num_samples: int = NUM_SAMPLES, batch: int | None = None) -> dict[str, Signature]:
    """Returns the signatures of a model by name.

    In a model with conditions every signature has one more input, `condition`. Its `serving_default` is the signature
    `predict`. A regressor has only `predict` and `log_prob`, a density without a condition `log_prob`, a generator
    without a likelihood `sample`, `decode` and, with a discriminator, `discriminate`.

    Args:
        model: built tfvae model.
        num_samples: number of particles K of `log_prob`.
        batch: number of rows of every request, or None for any number.

    Returns:
        table: signatures by name.

    Raises:
        UserError: if a number is not a positive integer, or the model has nothing to serve.
    """
    positive_int("num_samples", num_samples, PARTICLES)
    numbers = num_samples * (batch or 1) * math.prod(model.event_shape)
    memory.check(
        f"log_prob of {num_samples} particles", 4.0 * numbers, fix="choose fewer, or a smaller batch"
    )
    condition = {}
    if isinstance(model, Conditional):
        condition["condition"] = tf.TensorSpec([batch, *model.condition_shape], tf.float32, "condition")
    x = {"x": tf.TensorSpec([batch, *model.event_shape], tf.float32, "x")} | condition
    rows: tuple[Row, ...] = ()
    if isinstance(model, Inferential):
        rows = _latent_rows(model, x, condition, batch, num_samples)
    elif isinstance(model, Generative):
        rows = _generator_rows(model, x, batch)
    elif not isinstance(model, Conditional):
        rows = _density_rows(model, x)
    if isinstance(model, Conditional):
        rows = (
            *_conditional_rows(model, x, condition),
            *(row for row in rows if row[0] != "serving_default"),
        )
    if not rows:
        raise UserError(
            "the model has no function to serve",
            expected="a model that makes examples, infers latents or gives log p(x)",
            received=type(model).__name__,
        )
    texts = meanings(model, num_samples)
    return {
        name: Signature(
            name,
            meaning,
            inputs,
            function,
            {key: texts[key] for key in inputs},
            {key: texts[key] for key in outputs},
        )
        for name, meaning, inputs, function, outputs in rows
    }


def meanings(model: Any, num_samples: int) -> dict[str, str]:
    """Returns descriptions of inputs and outputs by name."""
    c = ", c" if isinstance(model, Conditional) else ""
    of_x, of_z = ("p(x|c)", "p(z|c)") if c else ("p(x)", "the prior")
    texts = {
        "x": "examples",
        "condition": "conditions c",
        "z": "latent vectors",
        "seed": "any two integers for each row; equal seeds give equal rows; sample i of seed s in Python is (s, i)",
        "image": f"mean of p(x|z{c})",
        "latent": f"the draw z from {of_z}",
        "elbo": f"mean_k log w_k, k = 1..{num_samples}, nats: a bound on log {of_x}",
        "log_prob": f"log mean_k w_k, k = 1..{num_samples}, nats: an estimate of log {of_x} from below",
    }
    if isinstance(model, Density):
        return texts | {"image": "mean of p(x|c)", "log_prob": f"log {of_x}, nats, exact"}
    infers: bool = isinstance(model, Inferential)
    if not infers:
        return texts | {
            "image": "g(z)",
            "output": "the discriminator's output, for most costs the logit of D(x)",
        }
    return texts | {name: f"{name} of q(z|x{c})" for name in model.posterior_head.parameter_names}


def _latent_rows(
    model: Any, x: Specs, condition: Specs, batch: int | None, num_samples: int
) -> tuple[Row, ...]:
    """Returns the rows of a model with latents; `condition` is empty if it takes none."""
    z = {"z": tf.TensorSpec([batch, *model.posterior_head.event_shape], tf.float32, "z")} | condition
    seed = {"seed": tf.TensorSpec([batch, 2], tf.int32, "seed")}
    parameters = model.posterior_head.parameter_names

    def reconstruct(**batch: tf.Tensor) -> Outputs:
        return {"image": model.reconstruct(**batch)}

    def encode(**batch: tf.Tensor) -> Outputs:
        q = model.posterior_parameters(model.check_examples(**batch))
        return dict(zip(parameters, model.posterior_head.served(q), strict=True))

    def decode(**batch: tf.Tensor) -> Outputs:
        return {"image": model.decode(**batch)}

    def sample(seed: tf.Tensor, **condition: tf.Tensor) -> Outputs:
        z = model.sample_latents(ThreefryNoise(seed), **condition)
        return {"image": model.decode(z, **condition), "latent": z}

    def score(seed: tf.Tensor, **batch: tf.Tensor) -> Outputs:
        elbo, estimate = log_prob(model, model.check_examples(**batch), ThreefryNoise(seed), num_samples)
        return {"elbo": elbo, "log_prob": estimate}

    q = "q(z|x, c)" if condition else "q(z|x)"
    return (
        ("serving_default", "the same as reconstruct", x, reconstruct, ("image",)),
        ("reconstruct", "decode of the posterior's mean", x, reconstruct, ("image",)),
        ("encode", f"parameters of the posterior {q}", x, encode, parameters),
        ("decode", "mean image of given latents", z, decode, ("image",)),
        ("sample", "a draw from the prior and its mean image", seed | condition, sample, ("image", "latent")),
        (
            "log_prob",
            f"log-likelihood by importance sampling from {q}",
            x | seed,
            score,
            ("elbo", "log_prob"),
        ),
    )


def _generator_rows(model: Any, x: Specs, batch: int | None) -> tuple[Row, ...]:
    """Returns the rows of a generator without a likelihood."""
    head = model.prior_head
    z = {"z": tf.TensorSpec([batch, *head.event_shape], tf.float32, "z")}
    seed = {"seed": tf.TensorSpec([batch, 2], tf.int32, "seed")}

    def decode(z: tf.Tensor) -> Outputs:
        return {"image": model.decode(z)}

    def sample(seed: tf.Tensor) -> Outputs:
        z = head.sample(head.parameters(), head.noise_from(ThreefryNoise(seed), "prior")[0])
        return {"image": model.decode(z), "latent": z}

    def discriminate(x: tf.Tensor) -> Outputs:
        return {"output": model.discriminate(x)}

    rows: tuple[Row, ...] = (
        ("serving_default", "the same as sample", seed, sample, ("image", "latent")),
        ("sample", "a draw from the prior and what is generated from it", seed, sample, ("image", "latent")),
        ("decode", "what is generated from given latents", z, decode, ("image",)),
    )
    if not isinstance(model, Discriminating):
        return rows
    about = "the discriminator's output, larger for what looks like an example"
    return (*rows, ("discriminate", about, x, discriminate, ("output",)))


def _density_rows(model: Any, x: Specs) -> tuple[Row, ...]:
    """Returns the rows of a density; none for any other model."""
    if not isinstance(model, Density):
        return ()

    def score(x: tf.Tensor) -> Outputs:
        return {"log_prob": model.log_prob(x)}

    return (
        ("serving_default", "the same as log_prob", x, score, ("log_prob",)),
        ("log_prob", "log-density of examples", x, score, ("log_prob",)),
    )


def _conditional_rows(model: Any, x: Specs, condition: Specs) -> tuple[Row, ...]:
    """Returns the rows of a model with conditions that need no latents."""

    def predict(condition: tf.Tensor) -> Outputs:
        return {"image": model.call(model.check_condition(condition))}

    def score(**batch: tf.Tensor) -> Outputs:
        return {"log_prob": model.log_prob(**batch)}

    rows = (
        ("serving_default", "the same as predict", condition, predict, ("image",)),
        ("predict", "the mean prediction for a condition", condition, predict, ("image",)),
    )
    if not isinstance(model, Density):
        return rows
    return (*rows, ("log_prob", "log-likelihood of the regressor", x, score, ("log_prob",)))


def check_exportable(model: Any) -> None:
    """Checks that a model is a built tfvae model with finite weights.

    Raises:
        UserError: if it is not.
    """
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


def warn_if_untrained(model: Any) -> None:
    """Warns if the model was compiled and its optimiser has taken no step."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and int(optimizer.iterations) == 0:
        warnings.warn("the model's optimizer has taken no step: exporting untrained weights", stacklevel=3)
