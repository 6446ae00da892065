"""The role of p(z): latents whose distribution has weights of its own."""

from __future__ import annotations

import abc
from typing import Any, ClassVar

from tfvae.distributions.head import Head, Parameters


class PriorHead(Head):
    """A head over latents with constant or trainable parameters: p(z).

    It is built with `build()` and never called.

    Attributes:
        mixes_posterior: whether it has the weights of the model's own posterior, taken with `bind`.

    Example:
        >>> from tfvae.distributions import StandardNormal
        >>> prior = StandardNormal(2)
        >>> round(float(prior.log_prob(prior.parameters(), [[0.0, 0.0]])[0]), 4)
        -1.8379
    """

    needs_features = False
    mixes_posterior: ClassVar[bool] = False

    @abc.abstractmethod
    def parameters(self) -> Parameters:
        """Returns the parameters, the same for every example."""

    def bind(self, model: Any) -> None:
        """Takes from the model whose prior this is what the prior needs of it: nothing, for most."""
