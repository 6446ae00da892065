"""Likelihoods whose density is that of a distribution class of TensorFlow Probability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.checks import UserError, one_of, shown
from tfvae.distributions.head import LARGEST, Parameters, Shape, tfd
from tfvae.distributions.least_count import least_count
from tfvae.distributions.likelihood_head import LikelihoodHead, within
from tfvae.distributions.parameter_of_mean import parameter_of_mean
from tfvae.distributions.projection import Projection
from tfvae.distributions.relaxation import SMALLEST_UNIFORM
from tfvae.distributions.support import Interval, support_of

FREE = (0.0, 1.0)  # values of the unconstrained parameters at which a class is looked at
FARTHEST = 1e6  # largest bias that the data's mean is sought with
SMALLEST_MEAN = 1e-3  # of counts, above their lowest


class TFPHead(LikelihoodHead):
    """Independent variables with distributions of one class:

        log p(x) = sum_i log p(x_i; theta_i),  theta_i = constraint(a linear function of the features)

    Args:
        family: class of the distributions, whose values are single numbers.
        event_shape: shape of one example.
        arguments: arguments of the class that are fixed: numbers, or arrays that broadcast with an example.
        shared: names of parameters that do not depend on the features: one trainable number for each entry of an
            example.
        support: lowest and highest value, both possible; None for those of the class.
        kernel_initializer: initialiser of the linear layers.

    Raises:
        UserError: if the class cannot be made of these arguments, its values are no single numbers, it has no formula
            for its mean, a parameter has no constraint and is not fixed, its support depends on a parameter that is not
            fixed, or `support` is no interval.
    """

    noise_kind = "uniform"

    def __init__(
        self,
        family: type[tfd.Distribution],
        event_shape: int | Sequence[int],
        arguments: Mapping[str, Any] | None = None,
        *,
        shared: Sequence[str] = (),
        support: tuple[float, float] | None = None,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(event_shape, **kwargs)
        self.family = family
        self.arguments = {name: _in_float32(value) for name, value in (arguments or {}).items()}
        self.constraints = self._constraints()
        self.shared = tuple(one_of("shared parameter", name, self.constraints) for name in shared)
        self.interval = self._look(support)
        self.value_kind = "counts" if self.interval.whole else "continuous"
        self.support = self.interval.closed
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.projections = [
            Projection(self.event_shape, self.kernel_initializer, dtype=self.dtype_policy, name=name)
            for name in self.constraints
            if name not in self.shared
        ]

    def _constraints(self) -> dict[str, tfp.bijectors.Bijector]:
        """Returns the bijector from the real line to each parameter that is learned, by name."""
        found = {}
        for name, properties in self.family.parameter_properties().items():
            if name in self.arguments or not properties.is_preferred:
                continue
            try:
                if properties.event_ndims != 0:
                    raise NotImplementedError
                found[name] = properties.default_constraining_bijector_fn()
            except (NotImplementedError, TypeError, ValueError) as error:
                raise UserError(
                    f"the parameter {name} of {self.family.__name__} cannot be learned",
                    expected="a parameter that is a number and has a constraint in parameter_properties()",
                    received=name,
                    fix=f"fix it, as in arguments={{'{name}': ...}}",
                ) from error
        return found

    def _look(self, support: tuple[float, float] | None) -> Interval:
        """Returns the support, from distributions of the class that are made for this."""
        name = self.family.__name__
        if support is not None and not (len(support) == 2 and support[0] < support[1]):
            raise UserError(
                "the support is no interval", expected="(lowest, highest)", received=shown(support)
            )
        try:
            with tf.init_scope():
                free = [[tf.constant(number)] * len(self.constraints) for number in FREE]
                looks = [self._family(self._constrain(numbers)) for numbers in free]
                if looks[0].event_shape != ():
                    raise UserError(
                        f"the values of {name} are no single numbers",
                        expected="event shape ()",
                        received=looks[0].event_shape,
                    )
                looks[0].log_prob(tf.constant(1.0))
                looks[0].mean()
                whole = looks[0].experimental_default_event_space_bijector() is None
                return Interval(*support, whole=whole) if support else support_of(looks, self.arguments)
        except UserError:
            raise
        except NotImplementedError as error:
            raise UserError(
                f"{name} has no formula for its mean or its density",
                expected="a class that has both",
                received=name,
            ) from error
        except Exception as error:  # whatever a class of another library makes of its arguments
            raise UserError(
                f"{name} cannot be made of these arguments",
                expected="arguments that it takes, and values in float32",
                received=next(iter(str(error).strip().splitlines()), type(error).__name__),
            ) from error

    def _constrain(self, free: Sequence[tf.Tensor]) -> Parameters:
        return tuple(bijector(value) for bijector, value in zip(self.constraints.values(), free, strict=True))

    def _family(self, parameters: Parameters) -> tfd.Distribution:
        return self.family(**dict(zip(self.constraints, parameters, strict=True)), **self.arguments)

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the linear layers and the shared parameters."""
        for projection in self.projections:
            projection.build(input_shape)
        self.shared_weights = [
            self.add_weight(
                shape=self.event_shape, initializer="zeros", dtype="float32", autocast=False, name=name
            )
            for name in self.shared
        ]
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> Parameters:
        """Returns the parameters in the order of the class: [N, *event_shape] each."""
        free = {projection.name: projection(features) for projection in self.projections}
        for name, weight in zip(self.shared, self.shared_weights, strict=True):
            rows = tf.concat([tf.shape(features)[:1], self.event_shape], axis=0)
            free[name] = tf.broadcast_to(tf.convert_to_tensor(weight), rows)
            free[name].set_shape([features.shape[0], *self.event_shape])
        return self._constrain([free[name] for name in self.constraints])

    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.Independent` of the class."""
        return tfd.Independent(self._family(parameters), len(self.event_shape))

    def log_prob(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns sum_i log p(value_i), nats."""
        return self.distribution(parameters).log_prob(value)

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns the means, NaN where they do not exist."""
        return self._family(parameters).mean()

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns the quantiles at the noise, uniform on [0, 1).

        Raises:
            UserError: if the class has no quantile function and, of counts, no distribution function.
        """
        distribution, (low, high) = self._family(parameters), self.support
        uniform = tf.clip_by_value(self.shape_noise(noise), SMALLEST_UNIFORM, 1.0 - SMALLEST_UNIFORM)
        try:
            if self.interval.whole:
                return least_count(distribution.cdf, uniform, low)
            low, high = max(low, -LARGEST), min(high, LARGEST)
            return tf.clip_by_value(distribution.quantile(uniform), low, high)  # rounding aside
        except NotImplementedError as error:
            raise UserError(
                f"{self.family.__name__} cannot be sampled",
                expected="a class with a quantile function, or one of counts with a distribution function",
                fix="ask for means, as in model.sample(n, mean=True)",
            ) from error

    def initialize_bias(self, mean: np.ndarray) -> None:
        """Starts from the data's mean where the class has one: array [*event_shape].

        The bias of `loc`, or else of the last parameter, is moved until the mean at features of 0 fits.
        """
        name = "loc" if "loc" in self.constraints else list(self.constraints)[-1]
        weights = dict(zip(self.shared, self.shared_weights, strict=True))

        def mean_at(bias: np.ndarray) -> np.ndarray:
            free = dict.fromkeys(self.constraints, tf.zeros(self.event_shape)) | weights
            free[name] = tf.constant(bias, tf.float32)
            return np.broadcast_to(self.mean(self._constrain(list(free.values()))), self.event_shape)

        rise = mean_at(np.ones(self.event_shape)) - mean_at(-np.ones(self.event_shape))
        if not np.isfinite(rise).all():
            return
        sign = np.sign(rise.sum(dtype=np.float64))
        wanted = (
            np.maximum(mean, self.interval.low + SMALLEST_MEAN) if self.interval.whole else np.asarray(mean)
        )
        self._start(name, parameter_of_mean(sign * wanted, lambda bias: sign * mean_at(bias), FARTHEST))

    def initialize_scale(self, spread: float) -> None:
        """Starts `scale`, of a class on the whole line, at the data's standard deviation, unless that is 0."""
        if "scale" in self.constraints and self.support == (-math.inf, math.inf) and spread > 0.0:
            free = float(self.constraints["scale"].inverse(spread))
            self._start("scale", np.full(self.event_shape, free, np.float32))

    def _start(self, name: str, values: np.ndarray) -> None:
        if name in self.shared:
            self.shared_weights[self.shared.index(name)].assign(values)
        else:
            next(item for item in self.projections if item.name == name).initialize_bias(values)

    @property
    def measure(self) -> str:
        """What `log_prob` is the logarithm of, in words."""
        return "probabilities of counts" if self.interval.whole else super().measure

    @property
    def scores(self) -> str:
        """The values that can be scored, for messages."""
        return self.interval.words

    def fits(self, x: tf.Tensor) -> tf.Tensor:
        """Returns whether every value is in the support: a boolean scalar, False for NaN."""
        inside = super().fits(x)
        return tf.logical_and(inside, within(x - tf.round(x), 0.0, 0.0)) if self.interval.whole else inside

    def unfit(self, x: tf.Tensor) -> tf.Tensor:
        """Returns which values are not in the support: booleans in the shape of x."""
        outside = super().unfit(x)
        return tf.logical_or(outside, x != tf.round(x)) if self.interval.whole else outside

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that every head of a class has."""
        return super().get_config() | {
            "event_shape": self.event_shape,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


def _in_float32(value: Any) -> Any:
    """Returns a number or an array of numbers as float32, and anything else as it is."""
    if isinstance(value, bool | str | tf.DType) or value is None:
        return value
    return np.asarray(value, np.float32)
