"""The role of q(z|x): latents whose distribution comes from features."""

from __future__ import annotations

import abc
from typing import ClassVar

import tensorflow as tf

from tfvae.distributions.head import Head, Parameters


class PosteriorHead(Head):
    """A head over latents, called on features: q(z|x).

    The priors p(z|c) of a conditional model and p(z_1|z_2) between layers come from features too and take the same
    heads. Where the values are continuous, `sample` carries gradients to the parameters.

    Attributes:
        parameter_names: name of each tensor of `served` where the model is served.
        has_cheap_log_prob: whether `log_prob` at any value is as cheap as sampling. Where it is not, a training step
            uses `sample_and_log_prob`, along the path from the noise.
        closed_mean: whether `mean` is the exact mean. A flow's has no closed form and is replaced as its head says.
    """

    parameter_names: ClassVar[tuple[str, ...]] = ("loc", "scale")
    has_cheap_log_prob: ClassVar[bool] = True
    closed_mean: ClassVar[bool] = True

    @abc.abstractmethod
    def call(self, features: tf.Tensor) -> Parameters:
        """Returns the parameters for features [N, ...]: tensors [N, ...], float32."""

    @abc.abstractmethod
    def unconstrain(self, parameters: Parameters) -> Parameters:
        """Returns the parameters as tensors in which every value is allowed, for an optimiser; see `constrain`."""

    @abc.abstractmethod
    def constrain(self, free: Parameters) -> Parameters:
        """Returns the parameters that `unconstrain` maps to `free`."""

    def sample_and_log_prob(self, parameters: Parameters, noise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns a sample and its log-density, nats, both attached to the path from the parameters."""
        value = self.sample(parameters, noise)
        return value, self.log_prob(parameters, value)

    def served(self, parameters: Parameters) -> Parameters:
        """Returns what a server gives of the distribution, in the order of `parameter_names`."""
        return parameters
