"""Several layers of latent variables: the generative model, whichever way they are inferred."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.distributions import Head, view
from tfvae.distributions.head import Parameters
from tfvae.models.base_vae import BaseVAE
from tfvae.models.contract import Generator, Latents
from tfvae.models.decoding import Draw
from tfvae.models.particles import PLAIN, ScoreOptions
from tfvae.models.parts import check_parts, serialized


class LayeredVAE(BaseVAE):
    """The generative model p(x, z) = p(z_L) p(z_{L-1} | z_L) ... p(z_1 | z_2) p(x | z_1).

    A subclass infers the layers: `score`, `log_posterior`, `layer_means`. Every list runs from the bottom up.

    Args:
        encoders: L layers.
        decoders: L layers: of z_1 .. z_L.
        posteriors: L heads: of z_1 .. z_L.
        conditionals: L - 1 heads: of z_1 .. z_{L-1} given the layer above.
        likelihood: head of p(x|z_1).
        prior: head of p(z_L); `StandardNormal` for None.
        **kwargs: see `LatentVariableModel`.

    Raises:
        UserError: if the lists do not fit each other, or an argument is out of range.
    """

    def __init__(
        self,
        encoders: list[Any],
        decoders: list[Any],
        *,
        posteriors: list[Head],
        conditionals: list[Head],
        likelihood: Head,
        prior: Head | None = None,
        **kwargs: Any,
    ) -> None:
        lists = {
            "encoders": encoders,
            "decoders": decoders,
            "posteriors": posteriors,
            "conditionals": conditionals,
        }
        check_lists(lists)
        counts = [len(encoders), len(decoders), len(posteriors), len(conditionals) + 1]
        if not posteriors or len(set(counts)) > 1:
            raise UserError(
                "the layers do not fit each other",
                expected="L >= 1 encoders, decoders and posteriors, and L - 1 conditionals",
                received=f"{counts[0]}, {counts[1]} and {counts[2]}, and {len(conditionals)}",
            )
        super().__init__(
            encoders[0],
            decoders[0],
            posteriors=list(posteriors),
            likelihood=likelihood,
            prior=prior,
            **kwargs,
        )
        self.encoders, self.decoders = list(encoders), list(decoders)
        self.conditional_heads = list(conditionals)
        if self.estimator.analytic_kl and len(posteriors) > 1:
            raise UserError(
                "the KL divergence of several layers has no closed form",
                expected='estimator "elbo", "stl" or a multi-sample one',
                received=self.estimator.name,
            )
        for below, (head, conditional) in enumerate(zip(posteriors, conditionals, strict=False)):
            if not conditional.same_values(head):
                raise UserError(
                    f"posterior and conditional of layer {below + 1} differ",
                    expected=f"a conditional over {head.describe_values()}",
                    received=f"one over {conditional.describe_values()}",
                )

    def through(self, layer: Any, head: Head, z: tf.Tensor, level: int, training: bool = False) -> Parameters:
        """Returns a head's parameters [..., *event] for values z [..., *event] of layer `level`, counted from 0."""
        return self.parameters_of(layer, head, z, self.posterior_heads[level].event_shape, training)

    def log_joint_terms(
        self, x: Any, generator: Generator, latents: Latents, options: ScoreOptions = PLAIN
    ) -> tuple[tuple[tf.Tensor, ...], tf.Tensor]:
        """See `Generative.log_joint_terms`. With a temperature the latents are relaxed discrete ones."""
        views = [view(head, options.temperature) for head in (*self.conditional_heads, self.prior_head)]
        values = [seen.value(latent) for seen, latent in zip(views, latents, strict=True)]
        log_top = views[-1].log_prob(generator.prior, latents[-1])
        below = []
        for level, head in enumerate(self.conditional_heads):
            p = self.through(self.decoders[level + 1], head, values[level + 1], level + 1, options.training)
            below.append(views[level].log_prob(p, latents[level]))
        parameters = generator.likelihood(values[0])
        return (*below, log_top), self.score_likelihood(x, parameters, options.mean)

    def draw_layers(self, p: Parameters, draw: Draw) -> Latents:
        """Draws latents of every layer from the top down; see `DecodingModel.draw_layers`."""
        latents = super().draw_layers(p, draw)
        for level in reversed(range(len(self.conditional_heads))):
            head = self.conditional_heads[level]
            p = self.through(self.decoders[level + 1], head, latents[0], level + 1)
            latents = (head.sample(p, draw(head, f"prior{level + 1}")), *latents)
        return latents

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | serialized(
            encoders=self.encoders,
            decoders=self.decoders,
            posteriors=self.posterior_heads,
            conditionals=self.conditional_heads,
            prior=self.prior_head,
        )


def check_lists(lists: dict[str, Any]) -> None:
    """Raises a `UserError` for a list that is none, or that holds what is no layer or, but for networks, no head."""
    for name, parts in lists.items():
        if not isinstance(parts, list | tuple):
            raise UserError(f"{name} is no list", expected="a list of layers", received=repr(parts))
        networks = name in ("encoders", "decoders")
        kind: tuple[Any, str] = (
            (keras.layers.Layer, "a Keras layer or model")
            if networks
            else (Head, "a head from tfvae.distributions")
        )
        check_parts(*kind, {f"{name}[{index}]": part for index, part in enumerate(parts)})
