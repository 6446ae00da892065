"""Sequential generation: a canvas painted in steps."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import UserError, positive_int
from tfvae.distributions import DiagonalNormal, LikelihoodHead, StandardNormal, kl_divergence
from tfvae.distributions.head import Parameters
from tfvae.layers import Dense, added, uncounted
from tfvae.models.base_vae import BaseVAE
from tfvae.models.contract import Latents, Stepwise
from tfvae.models.particles import PLAIN, Particles, ScoreOptions, detach
from tfvae.models.parts import check_parts, flat_units, with_lead
from tfvae.networks import AttentionWindow, LSTMStep
from tfvae.random import Noise


@keras.saving.register_keras_serializable(package="tfvae")
class DRAW(BaseVAE, Stepwise):
    """A recurrent encoder and a recurrent decoder that paint a canvas c_T in T steps, c_0 = 0, states 0 at first:

        error_t = x - E[x | c_{t-1}]
        h_enc   = LSTM(read(x, error_t), h_dec;  h_enc)
        z_t     ~ q(z_t | h_enc),  p(z_t) = N(0, I)
        h_dec   = LSTM(z_t;  h_dec)
        c_t     = c_{t-1} + write(h_dec)

    and p(x | c_T) in the end. The bound is a sum over the steps, E_q[log p(x|c_T) + sum_t log p(z_t) - log q(z_t|x,
    z_1 .. z_{t-1})], and with the estimator "elbo-analytic" each step's divergence is in closed form given the latents
    before. Without attention `read` gives x and the error whole, and `write` is linear; see `AttentionWindow` for the
    other case.

    The latent vector of the public methods holds z_1 .. z_T one after the other: [steps * step_latent_size]. That of
    `encode`, and `posterior`, is the one in which each z_t is its mean given those before. Inference uses the decoder,
    so estimators that train q apart from p are refused. An estimator that is not `automatic` ("stl", "dreg", ...)
    unrolls the network twice in a step of training.

    Args:
        likelihood: head of p(x|c_T) that takes the canvas for its features: `Bernoulli(event_shape, linear=False)` or
            `Normal(event_shape, linear=False)`, whose offset serves as the first canvas.
        steps: T.
        step_latent_size: units of z_t.
        units: of h_enc and of h_dec.
        read_window, write_window: filters on each side of the attention window; None for no attention. Windows need
            images [height, width, channels].
        estimator, num_samples, **kwargs: see `LatentVariableModel`.

    Raises:
        UserError: if an argument is out of range, a window does not fit the image, or the likelihood has a linear
            layer of its own.

    Example:
        >>> from tfvae import distributions
        >>> likelihood = distributions.Bernoulli((8, 8, 1), linear=False)
        >>> model = DRAW(likelihood=likelihood, steps=3, step_latent_size=2, units=8)
        >>> images, windows = model.canvases(tf.zeros((5, 6)))
        >>> images.shape.as_list(), windows
        ([5, 3, 8, 8, 1], None)

    References:
        Gregor, Danihelka, Graves, Rezende, Wierstra: DRAW: a recurrent neural network for image generation (2015):
        the network, its loss, and reading and writing with and without attention.
    """

    shares_parameters = True

    def __init__(
        self,
        *,
        likelihood: LikelihoodHead,
        steps: int,
        step_latent_size: int,
        units: int = 256,
        read_window: int | None = None,
        write_window: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.steps = positive_int("steps", steps)
        self.step_latent_size = positive_int("step_latent_size", step_latent_size)
        check_parts(LikelihoodHead, "a likelihood head from tfvae.distributions", {"likelihood": likelihood})
        if likelihood.linear:
            raise UserError(
                "the canvas of DRAW is what the likelihood needs, without a linear layer in between",
                expected="Bernoulli(..., linear=False) or Normal(..., linear=False)",
                received=type(likelihood).__name__,
            )
        size = self.steps * self.step_latent_size
        super().__init__(
            LSTMStep(units),
            LSTMStep(units),
            posteriors=[DiagonalNormal(size)],
            likelihood=likelihood,
            prior=StandardNormal(size),
            **kwargs,
        )
        self.autocast = False  # the canvas and what it is compared with stay in float32
        self.units, self.read_window, self.write_window = self.encoder.units, read_window, write_window
        shape = likelihood.event_shape
        self.step_head = DiagonalNormal(self.step_latent_size)
        self.reader = None if read_window is None else AttentionWindow(read_window, shape)
        self.writer = None if write_window is None else AttentionWindow(write_window, shape, writes=True)
        channels = shape[-1]
        self.patch = Dense(math.prod(shape) if self.writer is None else self.writer.patch_size(channels))

    @property
    def encodes_posterior(self) -> bool:
        """False: every step's q depends on the latents before it."""
        return False

    @property
    def example_width(self) -> int:
        """See `Generative.example_width`: every step sees x beside its error."""
        return 2 * math.prod(self.event_shape)

    def encoding(self, x: Any, training: bool = False) -> tuple[()]:
        """See `Inferential.encoding`: nothing, as every step sees the latents before it."""
        return ()

    def posterior_parameters(self, x: Any, training: bool = False) -> Parameters:
        """Returns (loc, scale) of z_1 .. z_T, each given the means of those before: [B, latent_size] each."""
        return self._infer(x, lambda step, q: self.step_head.mean(q))[1]

    def likelihood_parameters(self, z: tf.Tensor, training: bool = False) -> Parameters:
        """Returns the parameters of p(x|c_T) for z [..., latent_size]: tensors [..., *event_shape]."""
        flat = tf.reshape(z, [-1, self.latent_size])
        return with_lead(tf.shape(z)[:-1], self.likelihood_head(self._paint_all(flat)[-1][0]))

    def canvases(self, z: Any) -> tuple[tf.Tensor, tf.Tensor | None]:
        """See `Stepwise.canvases`: the canvas after each step, and where its window wrote."""
        steps = self._paint_all(self._check_latents(z))
        images = tf.stack(
            [self.likelihood_head.mean(self.likelihood_head(canvas)) for canvas, _ in steps], axis=1
        )
        if self.writer is None:
            return images, None
        return images, tf.stack([self.writer.edges(where) for _, where in steps], axis=1)

    def score(
        self, x: Any, encoding: Any, num_samples: int, noise: Noise, options: ScoreOptions = PLAIN
    ) -> Particles:
        """See `Inferential.score`."""
        head, prior, p = self.posterior_head, self.prior_head, self.prior_head.parameters()
        z, q, canvas = self._particles(x, num_samples, noise)
        latents: Latents = ()
        fixed: Latents = ()
        value = z
        if not (self.estimator.automatic or options.analytic_kl) and options.tape is not None:
            value = detach(z, options.tape)
            latents, fixed = (z,), (value,)
            with uncounted(self):
                _, q, canvas = self._particles(x, num_samples, noise, value)
        return Particles(
            latents=latents,
            fixed=fixed,
            log_likelihood=self.score_likelihood(x, canvas, options.mean),
            log_priors=(prior.log_prob(p, value),),
            log_posteriors=(head.log_prob(q, value),),
            kl=tf.reduce_mean(kl_divergence(head, q, prior, p), axis=0) if options.analytic_kl else None,
        )

    def posterior_latents(self, x: Any, encoding: Any, num_samples: int, noise: Noise) -> Latents:
        """See `Inferential.posterior_latents`."""
        return (self._particles(x, num_samples, noise)[0],)

    def log_posterior(self, x: Any, encoding: Any, latents: Latents) -> tf.Tensor:
        """See `Inferential.log_posterior`."""
        (z,) = latents
        return self.posterior_head.log_prob(self._particles(x, tf.shape(z)[0], None, z)[1], z)

    def layer_means(self, x: Any, num_samples: int, noise: Noise) -> Latents:
        """See `Inferential.layer_means`: E[z_t | x, z_1 .. z_{t-1}] for each step t, those before drawn from q."""
        _, (loc, _), _ = self._particles(x, num_samples, noise)
        return tuple(map(flat_units, tf.split(loc, self.steps, axis=-1)))

    def _particles(
        self, x: Any, num_samples: Any, noise: Noise | None, fixed: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, Parameters, Parameters]:
        """Unrolls K particles for each example: z, the parameters of q and those of p(x|c_T), [K, B, ...] each.

        The latents are `fixed` [K, B, latent_size], or drawn from q where there are none.
        """
        head, size = self.step_head, self.step_latent_size
        given: tf.Tensor = fixed
        if noise is not None and fixed is None:
            given = self.posterior_head.noise_from(noise, "posterior", num_samples)
        lead = tf.shape(given)[:2]
        parts = tf.split(tf.reshape(given, [-1, self.steps * size]), self.steps, axis=-1)
        count = tf.compat.dimension_value(given.shape[0])  # m, not K, in a resampled backward pass
        ones = tf.ones([lead[0] if count is None else count] + [1] * (1 + len(self.event_shape)))
        # a product, for LiteRT fails on tf.tile of a batch of any size
        repeated = tf.reshape(ones * x, [-1, *self.event_shape])
        z, q, canvas = self._infer(
            repeated, lambda step, q: head.sample(q, parts[step]) if fixed is None else parts[step]
        )
        return (
            with_lead(lead, (z,))[0],
            with_lead(lead, q),
            with_lead(lead, self.likelihood_head(canvas)),
        )

    def _infer(
        self, x: tf.Tensor, choose: Callable[[int, Parameters], tf.Tensor]
    ) -> tuple[tf.Tensor, Parameters, tf.Tensor]:
        """Unrolls encoder and decoder over examples [N, *event_shape], z_t being choose(step, q).

        Returns:
            z: [N, latent_size].
            q: (loc, scale), [N, latent_size] each.
            canvas: c_T, [N, *event_shape].
        """
        head, rows = self.likelihood_head, tf.shape(x)[0]
        seen, painted, canvas = self.encoder.start(rows), self.decoder.start(rows), tf.zeros_like(x)
        latents, parameters = [], []
        recurrent = [layer for layer in self._recurrent() if layer is not None]
        for step in range(self.steps):
            with uncounted(head):
                error = x - head.mean(head(canvas))
            with added(*recurrent) if step else contextlib.nullcontext():
                glimpse = self._read(x, error, painted[0])
                seen = self.encoder(tf.concat([glimpse, painted[0]], axis=-1), seen)
                parameters.append(self.step_head(seen[0]))
                latents.append(choose(step, parameters[-1]))
                painted, canvas, _ = self._paint(latents[-1], painted, canvas)
        loc, scale = (tf.concat(values, axis=-1) for values in zip(*parameters, strict=True))
        return tf.concat(latents, axis=-1), (loc, scale), canvas

    def _recurrent(self) -> tuple[Any, ...]:
        """The layers that every step calls, whose activity regularisers count each of them."""
        return self.encoder, self.decoder, self.step_head, self.reader, self.writer, self.patch

    def _paint_all(self, z: tf.Tensor) -> list[tuple[tf.Tensor, Any]]:
        """Unrolls the decoder over latents [N, latent_size]: c_t and where it was written, for each step."""
        painted, canvas = self.decoder.start(tf.shape(z)[0]), 0.0
        steps = []
        for part in tf.split(z, self.steps, axis=-1):
            painted, canvas, where = self._paint(part, painted, canvas)
            steps.append((canvas, where))
        return steps

    def _paint(self, z: tf.Tensor, painted: Any, canvas: Any) -> tuple[Any, tf.Tensor, Any]:
        """One step of the decoder: its state, the canvas, and where it wrote."""
        painted = self.decoder(z, painted)
        patch = tf.cast(self.patch(painted[0]), tf.float32)
        if self.writer is None:
            return painted, canvas + tf.reshape(patch, [-1, *self.event_shape]), None
        where = self.writer(painted[0])
        patch = tf.reshape(patch, [-1, self.writer.size, self.event_shape[-1], self.writer.size])
        return painted, canvas + self.writer.write(where, patch), where

    def _read(self, x: tf.Tensor, error: tf.Tensor, hidden: tf.Tensor) -> tf.Tensor:
        """What the encoder sees of the examples and of the error: [N, size]."""
        if self.reader is None:
            size = math.prod(self.event_shape)
            return tf.concat([tf.reshape(x, [-1, size]), tf.reshape(error, [-1, size])], axis=-1)
        glimpse = self.reader.read(self.reader(hidden), tf.concat([x, error], axis=-1))
        return tf.reshape(glimpse, [-1, self.reader.patch_size(2 * self.event_shape[-1])])

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        names = ("steps", "step_latent_size", "units", "read_window", "write_window")
        return super().get_config() | {name: getattr(self, name) for name in names}
