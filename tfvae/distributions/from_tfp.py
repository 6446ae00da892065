"""A likelihood of one's own, from a distribution class of TensorFlow Probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from tfvae.checks import UserError, shown
from tfvae.distributions.described import describe, restore
from tfvae.distributions.head import tfd
from tfvae.distributions.tfp_head import TFPHead


@keras.saving.register_keras_serializable(package="tfvae")
class FromTFP(TFPHead):
    """Independent variables, each with a distribution of one class of TensorFlow Probability:

        log p(x) = sum_i log p(x_i; theta_i),  theta_i = constraint(a linear function of the features)

    The parameters of the class and their constraints, such as softplus for a scale, are those of its
    `parameter_properties()`. A draw is the quantile at uniform noise. A class of counts without a quantile function is
    inverted through its distribution function. A class with neither is scored and has a mean, but no draws.

    Args:
        distribution: class in `tensorflow_probability.distributions` whose values are single numbers.
        event_shape: shape of one example.
        arguments: arguments of the class that are fixed, such as `{"df": 4.0}`: numbers, or arrays that broadcast with
            an example. A parameter that is fixed is not learned.
        shared: names of parameters that do not depend on the features: one trainable number for each entry of an
            example.
        support: lowest and highest value, both possible; None for those of the class.
        kernel_initializer: initialiser of the linear layers.

    Raises:
        UserError: if the class is none of TensorFlow Probability's or cannot be made of these arguments, its values are
            no single numbers, it has no formula for its mean, a parameter has no constraint and is not fixed, or its
            support depends on a parameter that is not fixed.

    Example:
        >>> from tensorflow_probability import distributions as tfd
        >>> head = FromTFP(tfd.Poisson, 6)
        >>> [parameter.shape.as_list() for parameter in head(keras.ops.ones((4, 3)))], head.scores
        ([[4, 6]], 'whole numbers >= 0')
    """

    def __init__(
        self,
        distribution: type[tfd.Distribution],
        event_shape: int | Sequence[int],
        arguments: Mapping[str, Any] | None = None,
        *,
        shared: Sequence[str] = (),
        support: tuple[float, float] | None = None,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        if _named(getattr(distribution, "__name__", None)) is not distribution:
            raise UserError(
                "the class of a likelihood is none of TensorFlow Probability's",
                expected="a class of tensorflow_probability.distributions, such as tfd.Poisson",
                received=shown(distribution),
                fix="for a distribution of your own, write a LikelihoodHead",
            )
        super().__init__(
            distribution,
            event_shape,
            arguments,
            shared=shared,
            support=support,
            kernel_initializer=kernel_initializer,
            **kwargs,
        )
        self._given_support = support

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments; the class by its name."""
        return super().get_config() | {
            "distribution": self.family.__name__,
            "arguments": {name: describe(value) for name, value in self.arguments.items()},
            "shared": self.shared,
            "support": self._given_support,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FromTFP:
        """Makes the head from its arguments."""
        arguments = {name: restore(value) for name, value in config["arguments"].items()}
        return cls(**config | {"distribution": _named(config["distribution"]), "arguments": arguments})


def _named(name: Any) -> Any:
    """Returns the class of this name in `tensorflow_probability.distributions`, None where there is none."""
    found = getattr(tfd, name, None) if isinstance(name, str) else None
    return found if isinstance(found, type) and issubclass(found, tfd.Distribution) else None
