"""What every head offers the models."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.checks import shape_of
from tfvae.layers import Composite

tfd = tfp.distributions
Parameters = tuple[tf.Tensor, ...]
Mean = Callable[[tf.Tensor], tf.Tensor]
LOG_2_PI = math.log(2.0 * math.pi)
LARGEST = float(np.finfo(np.float32).max)


class Head(Composite, keras.layers.Layer):
    """A Keras layer from features [N, ...] to the float32 parameters [N, ...] of a distribution.

    Calling it returns tensors, so that Keras can trace it; `distribution` makes the TFP object from them, afresh each
    time. Parameters may gain leading axes ([K, B, ...]) between the two. The other methods are the same distribution's,
    written out where that is faster; tests hold them to the TFP object.

    Attributes:
        event_shape: shape of one value.
        latents: "continuous" where `sample` carries gradients to the parameters, otherwise "discrete".
        parameter_names: what each of the tensors that `served` gives is called where the model is served.
        noise_kind: the method of `tfvae.random.Noise` that feeds `sample`, "normal" or "uniform", unless the head has
            a `noise_from` of its own.
        scores_anywhere: whether `log_prob` at a value that is given is as cheap as sampling. Where it is not, a
            training step takes what `sample_and_log_prob` gives along the path from the noise.
        linear: whether the parameters are linear in the features rather than an offset to them.
        support: the lowest and the highest value that can be scored.
        levels: how many values there are where they are the equally spaced levels of [0, 1], otherwise None.
        adapts: whether training steps set weights of the head themselves, see `adapt`.
        closed_mean: whether `mean` is the mean; otherwise it has no closed form and something else stands for it.
        mixes_posterior: whether this prior has the weights of the model's own posterior, taken with `bind`.
        relaxation: the view in `tfvae.distributions.relaxation` of a discrete head's relaxation.
    """

    latents = "continuous"
    parameter_names: tuple[str, ...] = ("loc", "scale")
    noise_kind = "normal"
    scores_anywhere = True
    closed_mean = True
    mixes_posterior = False
    relaxation = None
    linear = True
    support = (-math.inf, math.inf)
    levels: int | None = None
    adapts = False

    def __init__(self, event_shape, **kwargs):
        super().__init__(**kwargs)
        self.event_shape = shape_of("event_shape", event_shape)

    def same_values(self, other: Head) -> bool:
        """Returns whether `other` is a distribution over the same kind and shape of values."""
        mine, others = (
            (head.event_shape, head.latents, head.relaxation, head.support) for head in (self, other)
        )
        return mine == others

    @property
    def measure(self) -> str:
        """What `log_prob` is the logarithm of, in words; only two of the same can be compared."""
        if self.latents == "continuous":
            return "densities"
        return f"probabilities of {self.levels or 2} levels"

    def describe_values(self) -> str:
        """Returns the kind, shape and range of the values, for messages."""
        kind = self.relaxation.values if self.relaxation else self.latents
        low, high = self.support
        within = f" in [{low:g}, {high:g}]" if kind == "continuous" and math.isfinite(high - low) else ""
        return f"{kind} values of shape {self.event_shape}{within}"

    def bind(self, model) -> None:
        """Tells a prior which model it is part of."""

    def served(self, parameters: Parameters) -> Parameters:
        """Returns what a server gives of the distribution, in the order of `parameter_names`."""
        return parameters

    @property
    def needs_features(self) -> bool:
        """Whether the parameters come from features, as those of no prior without a condition do."""
        return type(self).parameters is Head.parameters

    @property
    def noise_size(self) -> int:
        """Numbers of noise that one value takes."""
        return math.prod(self.event_shape)

    def parameters(self) -> Parameters:
        """Returns the parameters of a head that needs no features, a prior."""
        raise TypeError(f"{type(self).__name__} needs features; expected a prior head such as StandardNormal")

    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns the TFP distribution with these parameters."""
        raise NotImplementedError(f"{type(self).__name__} does not define distribution")

    def unconstrain(self, parameters: Parameters) -> Parameters:
        """Returns the parameters as tensors in which every value is allowed, for an optimiser; see `constrain`."""
        raise NotImplementedError(f"{type(self).__name__} does not define unconstrain")

    def constrain(self, free: Parameters) -> Parameters:
        """Returns the parameters that `unconstrain` gives `free` for, the inverse map."""
        raise NotImplementedError(f"{type(self).__name__} does not define constrain")

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Maps noise [..., noise_size] to values [..., *event_shape]."""
        raise NotImplementedError(f"{type(self).__name__} does not define sample")

    def noise_from(self, source, stream: str, num_samples: int = 1) -> tf.Tensor:
        """Returns what `sample` takes from a `tfvae.random.Noise`: [num_samples, rows, noise_size]."""
        return getattr(source, self.noise_kind)(stream, num_samples, self.noise_size)

    def shape_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """Reshapes noise [..., noise_size] to [..., *event_shape]."""
        return tf.reshape(noise, tf.concat([tf.shape(noise)[:-1], self.event_shape], axis=0))

    def log_prob(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns log p(value), nats, summed over the event."""
        return self.distribution(parameters).log_prob(value)

    def sample_and_log_prob(self, parameters: Parameters, noise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what `sample` gives and its log-density, nats, both attached to the path from the parameters."""
        value = self.sample(parameters, noise)
        return value, self.log_prob(parameters, value)

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns the mean, the shape of a value; a flow's, which has no closed form, is replaced as the head says."""
        return self.distribution(parameters).mean()

    def adapt(self, parameters: Parameters, value: tf.Tensor, mean: Mean) -> Parameters:
        """Returns the parameters that a training step scores `value` with, and moves weights that follow the data.

        Args:
            parameters: what the features gave.
            value: the batch's values, which broadcast with the parameters.
            mean: of numbers [K, B, *event_shape], over all of them and over the replicas: a scalar.
        """
        return parameters

    def initialize_scale(self, spread: float) -> None:
        """Starts a trainable scale of the head's own from the data's standard deviation; does nothing without one."""

    def figures(self) -> dict[str, float]:
        """Returns numbers of the head's own that a report on a model should hold, by name."""
        return {}

    @property
    def scores(self) -> str:
        """The values that can be scored, for messages."""
        low, high = self.support
        return f"values in [{low:g}, {high:g}]"

    def fits(self, x: tf.Tensor) -> tf.Tensor:
        """Returns whether every value can be scored: a scalar, false for NaN."""
        return within(x, *self.support)

    def unfit(self, x: tf.Tensor) -> tf.Tensor:
        """Returns which values cannot be scored: booleans of the shape of x."""
        low, high = self.support
        return tf.logical_not((x >= low) & (x <= high) & tf.math.is_finite(x))

    def misfit(self, x: np.ndarray) -> tuple[str, str] | None:
        """Returns what was expected and received of values that cannot be scored; None where all can."""
        if self.fits(tf.cast(x, tf.float32)):
            return None
        return self.scores, f"minimum {x.min():g}, maximum {x.max():g}"

    def factors(self, parameters: Parameters) -> tfd.Distribution | None:
        """Returns the distribution of each unit where the units are independent, otherwise None."""
        return None

    def flatten_event(self, values: tf.Tensor) -> tf.Tensor:
        """Reshapes [..., *event_shape] to [..., size of the event]."""
        values = tf.convert_to_tensor(values)
        if len(self.event_shape) == 1:
            return values
        lead = values.shape.rank - len(self.event_shape)
        size = math.prod(self.event_shape)
        flat = tf.reshape(values, tf.concat([tf.shape(values)[:lead], [size]], axis=0))
        flat.set_shape([*values.shape[:lead], size])
        return flat

    def sum_event(self, values: tf.Tensor) -> tf.Tensor:
        """Sums over the axes of one value."""
        return tf.reduce_sum(values, axis=list(range(-len(self.event_shape), 0)))


def within(x: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """Returns whether every number of a tensor is finite and lies in [low, high]; a minimum or maximum keeps NaN."""
    low, high = max(low, -LARGEST), min(high, LARGEST)
    return tf.logical_and(tf.reduce_min(x) >= low, tf.reduce_max(x) <= high)


def kl_divergence(posterior: Head, q: Parameters, prior: Head, p: Parameters) -> tf.Tensor:
    """The divergence KL(q || p) in closed form, by unit where both factorise.

    Args:
        posterior, prior: heads of q and p.
        q: parameters of q, [B, ...].
        p: parameters of p, [...] or [B, ...].

    Returns:
        kl: [B, units], nats: units = 1 where the distributions do not factorise.

    Raises:
        NotImplementedError: if the pair has no closed form.
    """
    q_factors, p_factors = posterior.factors(q), prior.factors(p)
    if q_factors is not None and p_factors is not None:
        return tfd.kl_divergence(q_factors, p_factors)
    return tfd.kl_divergence(posterior.distribution(q), prior.distribution(p))[:, tf.newaxis]
