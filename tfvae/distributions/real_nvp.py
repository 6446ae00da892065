"""Coupling flows: a posterior and a prior whose maps are as cheap one way as the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import positive_int
from tfvae.distributions.conditioner import Conditioner
from tfvae.distributions.flow_head import FlowHead, PosteriorFlow, several_units
from tfvae.distributions.head import Parameters
from tfvae.distributions.prior_head import PriorHead
from tfvae.distributions.standard_normal import StandardNormal

LARGEST_LOG_SCALE = 2.0  # of one coupling


@keras.saving.register_keras_serializable(package="tfvae")
class RealNVP(PosteriorFlow):
    """A diagonal Normal sent through affine couplings, in which one half of the units moves the other:

        b <- b * exp(s) + t,  log q <- log q - sum_i s_i,  (t, s) = network(a, h),  |s_i| < 2

    with a context h from the features; the halves change places from one coupling to the next. It starts as the
    identity, and its density is exact at any value, for every estimator but "elbo-analytic".

    Args:
        latent_size: units of the latent vector, at least 2.
        couplings: number of couplings.
        hidden_size: hidden units of each coupling's network.
        context_size: size of the context h.
        kernel_initializer: initialiser of the linear layers from the features.

    Raises:
        UserError: if a number is out of range.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.distributions import RealNVP
        >>> head = RealNVP(2, couplings=2, hidden_size=8)
        >>> q = head(tf.ones((4, 3)))
        >>> head.sample(q, tf.zeros((4, head.noise_size))).shape.as_list()
        [4, 2]

    References:
        Dinh, Sohl-Dickstein, Bengio: Density estimation using Real NVP (2017), the affine coupling layer.
    """

    def __init__(
        self,
        latent_size: int,
        couplings: int = 4,
        hidden_size: int = 100,
        context_size: int = 50,
        **kwargs: Any,
    ):
        super().__init__(latent_size, context_size, **kwargs)
        self.hidden_size = positive_int("hidden_size", hidden_size)
        self.steps = _couplings(couplings, latent_size, hidden_size, context_size)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"couplings": len(self.steps), "hidden_size": self.hidden_size}


@keras.saving.register_keras_serializable(package="tfvae")
class RealNVPPrior(FlowHead, PriorHead):
    """N(0, I) sent through affine couplings with weights of their own; see `RealNVP`.

    Args:
        latent_size: units of the latent vector, at least 2.
        couplings: number of couplings.
        hidden_size: hidden units of each coupling's network.

    Raises:
        UserError: if a number is out of range.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.distributions import RealNVPPrior
        >>> prior = RealNVPPrior(2, couplings=2, hidden_size=8)
        >>> prior.build()
        >>> prior.log_prob(prior.parameters(), tf.zeros((1, 2))).shape.as_list()
        [1]

    References:
        Dinh, Sohl-Dickstein, Bengio: Density estimation using Real NVP (2017), the affine coupling layer.
    """

    base: StandardNormal

    def __init__(self, latent_size: int, couplings: int = 4, hidden_size: int = 100, **kwargs: Any):
        super().__init__(several_units(latent_size, type(self).__name__), **kwargs)
        self.hidden_size = positive_int("hidden_size", hidden_size)
        self.base = StandardNormal(latent_size, name="base")
        self.steps = _couplings(couplings, latent_size, hidden_size)

    def parameters(self) -> Parameters:
        """Returns (0, 1) of the base, [latent_size] each."""
        return self.base.parameters()

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {
            "latent_size": self.event_shape[0],
            "couplings": len(self.steps),
            "hidden_size": self.hidden_size,
        }


def _couplings(count: int, latent_size: int, hidden_size: int, context_size: int = 0) -> list[_Coupling]:
    return [
        _Coupling(latent_size, index % 2 == 1, hidden_size, context_size, name=f"coupling_{index}")
        for index in range(positive_int("couplings", count))
    ]


class _Coupling(Conditioner):
    """One coupling: the first half of the units moves the second, or the other way round where `swapped`."""

    def __init__(self, latent_size: int, swapped: bool, hidden_size: int, context_size: int, **kwargs: Any):
        self.cut, self.swapped = latent_size // 2, swapped
        halves = (self.cut, latent_size - self.cut)
        inputs, outputs = halves[::-1] if swapped else halves
        super().__init__(inputs, outputs, hidden_size, context_size, **kwargs)

    def _move(
        self, values: tf.Tensor, context: tf.Tensor | None, map_: Callable[..., tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        first, second = values[..., : self.cut], values[..., self.cut :]
        still, moved = (second, first) if self.swapped else (first, second)
        shift, raw = self.call(still, context)
        log_scale = LARGEST_LOG_SCALE * tf.tanh(raw / LARGEST_LOG_SCALE)
        moved = map_(moved, shift, log_scale)
        still = still + tf.zeros_like(moved[..., :1])  # the context may have more leading axes
        halves = [moved, still] if self.swapped else [still, moved]
        return tf.concat(halves, axis=-1), tf.reduce_sum(log_scale, axis=-1)

    def forward(self, values: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns b * exp(s) + t beside a, and sum_i s_i."""
        return self._move(values, context, lambda b, shift, log_scale: b * tf.exp(log_scale) + shift)

    def inverse(self, values: tf.Tensor, context: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns (b - t) * exp(-s) beside a, and sum_i s_i."""
        return self._move(values, context, lambda b, shift, log_scale: (b - shift) * tf.exp(-log_scale))
