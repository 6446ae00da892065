"""What every variational autoencoder is made of: networks, heads, and the methods that speak of them."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.checks import UserError
from tfvae.distributions import (
    Head,
    LikelihoodHead,
    PosteriorHead,
    PriorHead,
    StandardNormal,
    kl_divergence,
)
from tfvae.distributions.head import Parameters
from tfvae.estimators.checks import check_path
from tfvae.models.contract import Latents
from tfvae.models.decoding import DecodingModel
from tfvae.models.parts import check_parts, deserialize, serialized, training_option
from tfvae.models.symbolic import takes_keras_tensors
from tfvae.random import Noise

HEADS = {
    "continuous": "a head such as DiagonalNormal or RealNVP",
    "discrete": "Bernoulli or OneHotCategorical",
}


def kind_of(head: Head) -> str:
    """Returns the kind of a head's latents, "continuous" or "discrete"."""
    return "continuous" if head.value_kind == "continuous" else "discrete"


class BaseVAE(DecodingModel):
    """A model with an encoder, a decoder, one or more posterior heads, a likelihood head and a prior head.

    A subclass says how the parts are composed: `posterior_parameters`, `likelihood_parameters`, `score`,
    `log_joint_terms`, `log_posterior`, `layer_means`.

    Args:
        encoder: Keras layer or model that sees a batch of examples.
        decoder: Keras layer or model that sees a batch of latents of the layer next to the data.
        posteriors: head of q of each layer, from the bottom up.
        likelihood: head of p(x|z).
        prior: head of p(z) of the top layer; `StandardNormal` for None.
        **kwargs: see `LatentVariableModel`.

    Raises:
        UserError: if a part is no layer or no head, prior and posterior have different sizes, an argument is out of
            range, or the estimator trains q apart from p and a `VampPrior` makes them share parameters.
    """

    def __init__(
        self,
        encoder: Any,
        decoder: Any,
        *,
        posteriors: list[PosteriorHead],
        likelihood: LikelihoodHead,
        prior: PriorHead | PosteriorHead | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if getattr(prior, "mixes_posterior", False):
            self.check_estimator(shares_parameters=True)
        names = (
            ["posterior"] if len(posteriors) == 1 else [f"posterior {i + 1}" for i in range(len(posteriors))]
        )
        heads = dict(zip(names, posteriors, strict=True))
        check_parts(keras.layers.Layer, "a Keras layer or model", {"encoder": encoder, "decoder": decoder})
        check_parts(Head, "a head from tfvae.distributions", heads)
        check_parts(LikelihoodHead, "a likelihood head from tfvae.distributions", {"likelihood": likelihood})
        latent_heads = (PriorHead, PosteriorHead, type(None))
        check_parts(latent_heads, "a head of latents from tfvae.distributions", {"prior": prior})
        for name, head in heads.items():
            if kind_of(head) != self.latents:
                raise UserError(
                    f"{name} does not fit a {type(self).__name__}, whose latents are {self.latents}",
                    expected=HEADS[self.latents],
                    received=type(head).__name__,
                )
            check_parts(PosteriorHead, "a posterior head from tfvae.distributions", {name: head})
            if not head.has_cheap_log_prob:
                check_path(self.estimator.name, type(head).__name__)
        self.encoder = encoder
        self.decoder = decoder
        self.posterior_heads = posteriors
        self.posterior_head = posteriors[0]
        self.likelihood_head = likelihood
        self.prior_head = StandardNormal(self.top_event_shape[0]) if prior is None else prior
        if not self.prior_head.same_values(posteriors[-1]):
            raise UserError(
                "prior and posterior differ in size or kind",
                expected=f"a prior over {posteriors[-1].describe_values()}",
                received=f"one over {self.prior_head.describe_values()}",
            )
        self.check_prior(self.prior_head)
        if isinstance(self.prior_head, PriorHead):
            self.prior_head.bind(self)
            if not self.prior_head.built:
                self.prior_head.build(None)

    def parts_in_words(self) -> list[str]:
        """See `KerasModel.parts_in_words`."""
        posterior = " and ".join(map(str, self.posterior_heads))
        heads = [f"posterior {posterior}", f"prior {self.prior_head}"]
        return [*heads, *super().parts_in_words()]

    def check_prior(self, prior: PriorHead | PosteriorHead) -> None:
        """Raises a `UserError` unless the model can give the prior what it needs."""
        if prior.needs_features:
            raise UserError(
                "prior needs features",
                expected="a head without features such as StandardNormal",
                received=type(prior).__name__,
            )

    @property
    def latent_shapes(self) -> tuple[tuple[int, ...], ...]:
        """See `Generative.latent_shapes`."""
        return tuple(head.event_shape for head in self.posterior_heads)

    @property
    def latent_kinds(self) -> tuple[str, ...]:
        """See `Generative.latent_kinds`."""
        return tuple(kind_of(head) for head in self.posterior_heads)

    @property
    def encodes_posterior(self) -> bool:
        """See `Inferential.encodes_posterior`."""
        return True

    @property
    def latent_size(self) -> int:
        """Units of the latent vector that `encode` returns."""
        return math.prod(self.posterior_head.event_shape)

    @property
    def top_event_shape(self) -> tuple[int, ...]:
        """Shape of the latents that the prior speaks of."""
        return self.posterior_heads[-1].event_shape

    def make_parts(self) -> None:
        """See `KerasModel.make_parts`."""
        example = tf.zeros((1, *self.event_shape))
        self.call(example)
        if self.baseline is not None:
            self.baseline(example)
        if self.estimator.analytic_kl:
            self._check_closed_form(example)

    def _check_closed_form(self, example: Any) -> None:
        """Raises a `UserError` unless KL(q(z|x) || p(z)) has a closed form."""
        heads = self.posterior_heads[-1], self.prior_head
        try:
            q, p = self.posterior_parameters(example), self.generator(example).prior
            kl_divergence(heads[0], q, heads[1], p)
        except NotImplementedError as error:
            raise UserError(
                "the KL divergence of this posterior from this prior has no closed form",
                expected='estimator "elbo", "stl" or a multi-sample one',
                received=f"{self.estimator.name} with {' and '.join(type(head).__name__ for head in heads)}",
            ) from error

    def posterior_parameters(self, x: Any, training: bool = False) -> Parameters:
        """Returns the parameters of q(z|x), of the layer next to the data: tensors [B, ...]."""
        return self.posterior_head(self.encoder(x, **training_option(self.encoder, training)))

    def encoding(self, x: Any, training: bool = False) -> Any:
        """See `Inferential.encoding`: the parameters of q(z|x)."""
        return self.posterior_parameters(x, training)

    def unconstrain(self, encoding: Any) -> Any:
        """See `Inferential.unconstrain` and `Head.unconstrain`."""
        return self.posterior_head.unconstrain(encoding)

    def constrain(self, free: Any) -> Any:
        """See `Inferential.constrain`."""
        return self.posterior_head.constrain(free)

    def posterior_latents(self, x: Any, encoding: Any, num_samples: int, noise: Noise) -> Latents:
        """See `Inferential.posterior_latents`."""
        return self.score(x, encoding, num_samples, noise).latents

    def posterior(self, x: Any, **condition: Any) -> tfp.distributions.Distribution:
        """Returns q(z|x), a TFP distribution with batch shape [B] and event shape [latent_size].

        Here and below `condition` is for a model that has one.
        """
        x = self.check_examples(x, **condition)
        return self.posterior_head.distribution(self.posterior_parameters(x))

    def call(self, x: Any, training: bool = False) -> tf.Tensor:
        """Returns the mean reconstruction E[x | z = E[z|x]]: [B, *event_shape]."""
        q = self.posterior_parameters(x, training)
        return self._likelihood_mean(self.posterior_head.mean(q), training)

    @takes_keras_tensors
    def encode(self, x: Any, **condition: Any) -> tf.Tensor:
        """Returns the posterior mean E[z|x], or what the head gives for it (`Head.mean`): [B, latent_size]."""
        return self.posterior_head.mean(self.posterior_parameters(self.check_examples(x, **condition)))

    @takes_keras_tensors
    def reconstruct(self, x: Any, **condition: Any) -> tf.Tensor:
        """Returns decode(encode(x)): [B, *event_shape]."""
        return self.decode(self.encode(x, **condition), **condition)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | serialized(likelihood=self.likelihood_head)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> BaseVAE:
        """Returns the model that `get_config` described."""
        return cls(**{name: deserialize(value) for name, value in config.items()})
