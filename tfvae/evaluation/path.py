"""The path of distributions from one of the latents that can be sampled to the posterior."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.checks import UserError, one_of
from tfvae.evaluation import hmc
from tfvae.models.contract import Density, Generative, Inferential, Latents
from tfvae.random import Noise

INITS = ("prior", "posterior")
SCHEDULES = ("sigmoid", "linear")
RADIUS = 4.0  # of the sigmoid's argument


def schedule_of(name: str, num_temperatures: int) -> np.ndarray:
    """Returns t_0 = 0 .. t_T = 1: [T + 1], float64 numbers that float32 holds exactly.

    "linear" is t_k = k / T; "sigmoid" is denser at both ends, with s the logistic function:

        t_k = (s_k - s_0) / (s_T - s_0),  s_k = s(4 (2 k / T - 1))

    References:
        Grosse, Ghahramani, Adams: Sandwiching the marginal likelihood using bidirectional Monte Carlo (2015),
        section 6.2 (the sigmoidal schedule), as in the authors' code of Wu et al. (2017).
    """
    steps = np.linspace(0.0, 1.0, num_temperatures + 1)
    if one_of("schedule", name, SCHEDULES) == "sigmoid":
        steps = 1.0 / (1.0 + np.exp(-RADIUS * (2.0 * steps - 1.0)))
        steps = (steps - steps[0]) / (steps[-1] - steps[0])
    return steps.astype(np.float32).astype(np.float64)


def check_model(model: Any, init: str) -> None:
    """Raises a `UserError` unless HMC can run in the model's latents and start as `init` says."""
    if not isinstance(model, Generative) or any(kind != "continuous" for kind in model.latent_kinds):
        kinds = sorted(set(model.latent_kinds)) if isinstance(model, Generative) else ["no"]
        raise UserError(
            "annealed importance sampling needs latents to move along a gradient",
            expected="a model with continuous latents",
            received=f"a {type(model).__name__} with {' and '.join(kinds)} latents",
            fix="evaluate it with log_marginal (--method importance)"
            + (", which is exact for it" if isinstance(model, Density) else ""),
        )
    if one_of("init", init, INITS) == "prior":
        return
    if not isinstance(model, Inferential):
        raise UserError(
            f"a {type(model).__name__} has no q(z|x)", expected='init="prior"', received='init="posterior"'
        )
    unfit = [head for head in model.posterior_heads if not head.has_cheap_log_prob]
    if unfit:
        raise UserError(
            f"a {type(unfit[0]).__name__} posterior does not give the density at any value",
            expected='init="prior" for this model',
            received='init="posterior"',
        )


class Path:
    """The distributions f_t(z) = r(z)^(1 - t) p(x, z)^t of one model, r being the prior or q(z|x).

    The latents of all layers are one vector z [..., D].

    Args:
        model: a `Generative` model with continuous latents; an `Inferential` one too for r = q(z|x).
        init: "prior" or "posterior", what r is.

    Attributes:
        size: D.

    Raises:
        UserError: if the model does not fit.
    """

    def __init__(self, model: Any, init: str) -> None:
        check_model(model, init)
        self._model, self._init = model, init
        self._shapes = model.latent_shapes
        self.size = sum(map(math.prod, self._shapes))

    def start(self, x: Any, noise: Noise, chains: int) -> tf.Tensor:
        """Returns draws from r, [chains, B, D]."""
        model = self._model
        if self._init == "posterior":
            return self.pack(model.posterior_latents(x, model.encoding(x), chains, noise))
        return self.pack(model.prior_latents(model.generator(x), noise, chains))

    def densities(self, x: Any) -> hmc.Densities:
        """Returns the function from z to the two log-densities whose `mix` is f_t: prior and likelihood, or q and
        p(x, z)."""
        model, generator = self._model, self._model.generator(x)
        encoding = model.encoding(x) if self._init == "posterior" else None

        def densities(z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            latents = self.unpack(z)
            log_prior, log_likelihood = model.log_joint(x, generator, latents)
            if self._init == "prior":
                return log_prior, log_likelihood
            return model.log_posterior(x, encoding, latents), log_prior + log_likelihood

        return densities

    def mix(self, temperature: tf.Tensor) -> hmc.Mix:
        """Returns how `densities` make log f_t at a temperature t."""
        return hmc.Mix(1.0 if self._init == "prior" else 1.0 - temperature, temperature)

    def ascent(self, point: hmc.Point) -> tf.Tensor:
        """Returns d/dt log f_t, [C, B], float64."""
        first, second = (tf.cast(value, tf.float64) for value in point.values)
        return second if self._init == "prior" else second - first

    def unpack(self, z: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Returns z [..., D] as the latents of each layer, [..., *event] from the bottom up."""
        parts = tf.split(z, [math.prod(shape) for shape in self._shapes], axis=-1)
        return tuple(
            tf.reshape(part, tf.concat([tf.shape(z)[:-1], shape], axis=0))
            for part, shape in zip(parts, self._shapes, strict=True)
        )

    def pack(self, latents: Latents) -> tf.Tensor:
        """Returns latents of each layer, [..., *event], as one vector [..., D]."""
        flat = []
        for z, shape in zip(latents, self._shapes, strict=True):
            lead = tf.shape(z)[: z.shape.rank - len(shape)]
            size = math.prod(shape)
            flat.append(tf.reshape(z, tf.concat([lead, [size]], axis=0)))
            flat[-1].set_shape([*z.shape[: z.shape.rank - len(shape)], size])
        return tf.concat(flat, axis=-1)
