"""The variational mixture of posteriors as a prior."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import memory
from tfvae.checks import UserError, positive_int, shape_of
from tfvae.distributions.head import Parameters, Shape
from tfvae.distributions.mixture import Kind, MixtureHead
from tfvae.layers import uncounted

START = (
    0.05,
    0.01,
)  # mean and standard deviation of pseudo-inputs, in units of the range and from its low end


@keras.saving.register_keras_serializable(package="tfvae")
class VampPrior(MixtureHead):
    """A mixture of the model's own posteriors at C learned pseudo-inputs:

        p(z) = (1/C) sum_c q(z|u_c),  u_c = clip(w_c, low, high)

    The model gives it its encoder and posterior head (`bind`), whose weights stay the model's; only the w_c are its
    own. A pixel of w_c outside the range has no gradient. The encoder sees pseudo-inputs as it sees examples in
    evaluation, without dropout and with the moving averages of batch normalisation, and its activity regularisers do
    not count them. As q's weights are p's too, estimators that train q apart from p are refused.

    Args:
        latent_size: units of the latent vector.
        event_shape: shape of one example.
        components: number C of pseudo-inputs.
        value_range: (low, high) of the examples.
        initial: start of the pseudo-inputs, [C, *event_shape], such as examples; None for small noise about the low
            end of the range, as in the paper's code.

    Raises:
        UserError: if a number is out of range, or the initial values have another shape or leave the range.

    References:
        Tomczak, Welling: VAE with a VampPrior (2018), the variational mixture of posteriors.

    Example:
        >>> prior = VampPrior(2, (8, 8, 1), components=10)
        >>> prior.build()
        >>> prior.pseudo_inputs().shape.as_list()
        [10, 8, 8, 1]
    """

    mixes_posterior = True

    def __init__(
        self,
        latent_size: int,
        event_shape: int | Sequence[int],
        components: int = 100,
        value_range: tuple[float, float] = (0.0, 1.0),
        initial: Any = None,
        **kwargs: Any,
    ):
        super().__init__(positive_int("latent_size", latent_size), **kwargs)
        self.input_shape_ = shape_of("event_shape", event_shape)
        self.components = positive_int("components", components)
        self.value_range = _range(value_range)
        self._initial = None if initial is None else self._checked(initial)
        self._posterior = None

    def _checked(self, values: Any) -> np.ndarray:
        """Returns pseudo-inputs as float32.

        Raises:
            UserError: if they are no numbers, have another shape, or leave the range of the data.
        """
        try:
            values = np.asarray(values, np.float32)
        except (TypeError, ValueError):
            raise UserError(
                "pseudo-inputs are no array of numbers", expected="[C, *event_shape]", received=repr(values)
            ) from None
        shape, (low, high) = (self.components, *self.input_shape_), self.value_range
        if values.shape != shape:
            raise UserError("pseudo-inputs have the wrong shape", expected=shape, received=values.shape)
        if not (values.min() >= low and values.max() <= high):
            raise UserError(
                "pseudo-inputs are outside the range of the data",
                expected=f"values in [{low:g}, {high:g}]",
                received=f"minimum {values.min():g}, maximum {values.max():g}",
                fix="scale them as the examples are, or set value_range",
            )
        return values

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the pseudo-inputs."""
        low, high = self.value_range
        mean, spread = (share * (high - low) for share in START)
        start = keras.initializers.RandomNormal(low + mean, spread)
        memory.check_weights(self.path or self.name, self.components, *self.input_shape_)
        self.raw = self.add_weight(
            shape=(self.components, *self.input_shape_),
            initializer=start,
            dtype="float32",
            autocast=False,
            name="pseudo_inputs",
        )
        if self._initial is not None:
            self.raw.assign(self._initial)
        super().build(input_shape)

    def bind(self, model: Any) -> None:
        """Takes the posterior of the model whose prior this is.

        Raises:
            UserError: if the prior is another model's, the examples of the model have another shape,
                its likelihood cannot score the whole range, it has several layers of latents, or its posterior does not
                give the density at any value.
        """
        heads = model.posterior_heads
        if self._posterior is not None and self._posterior.__self__ is not model:
            raise UserError("this VampPrior is part of another model", expected="one for each model")
        if tuple(model.event_shape) != self.input_shape_:
            raise UserError(
                "pseudo-inputs do not fit the model's examples",
                expected=f"event_shape {tuple(model.event_shape)}",
                received=self.input_shape_,
            )
        low, high = model.likelihood_head.support
        if not low <= self.value_range[0] < self.value_range[1] <= high:
            raise UserError(
                "pseudo-inputs may leave the range of the data",
                expected=f"value_range within [{low:g}, {high:g}], the support of the likelihood",
                received=self.value_range,
            )
        if len(heads) > 1:
            raise UserError(
                "a VampPrior mixes posteriors of the latents next to the data",
                expected="one layer of latents",
                received=f"{len(heads)} layers",
                fix="choose MixturePrior or RealNVPPrior",
            )
        if not heads[0].has_cheap_log_prob:
            raise UserError(
                "a VampPrior needs the posterior's density at any value",
                expected="DiagonalNormal, FullCovarianceNormal, HouseholderNormal or RealNVP",
                received=type(heads[0]).__name__,
            )
        self.kind = Kind(heads[0])
        self._posterior = model.posterior_parameters

    def pseudo_inputs(self) -> tf.Tensor:
        """Returns the pseudo-inputs: [C, *event_shape], inside the range."""
        return tf.clip_by_value(tf.convert_to_tensor(self.raw), *self.value_range)

    def parameters(self) -> Parameters:
        """Returns log (1/C), [C], and the parameters of the posterior at each pseudo-input, [C, ...]."""
        if self._posterior is None:
            raise UserError(
                "this VampPrior is not part of a model", expected="VAE(..., prior=VampPrior(...))"
            )
        log_weights = tf.fill([self.components], -math.log(self.components))
        with uncounted(self._posterior.__self__):
            return log_weights, *self._posterior(self.pseudo_inputs())

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments but `initial`, which the weights replace."""
        return super().get_config() | {
            "latent_size": self.event_shape[0],
            "event_shape": self.input_shape_,
            "components": self.components,
            "value_range": self.value_range,
        }


def _range(value: Any) -> tuple[float, float]:
    try:
        low, high = map(float, value)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (low < high and math.isfinite(high - low)):
        raise UserError(
            "value_range is no interval", expected="(low, high), low < high", received=repr(value)
        )
    return low, high
