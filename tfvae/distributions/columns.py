"""A likelihood of mixed columns: one head for each group of them."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.checks import UserError, shown
from tfvae.distributions.head import Parameters, Shape, tfd
from tfvae.distributions.likelihood_head import LikelihoodHead, Mean
from tfvae.random import Noise


@keras.saving.register_keras_serializable(package="tfvae")
class Columns(LikelihoodHead):
    """Vectors whose columns are of several kinds, independent given the features:

        log p(x) = sum over groups g of log p_g(x_g)

    Densities of real columns and probabilities of counts add up to one number, which compares only with models of the
    same columns.

    Args:
        heads: one likelihood for each group of columns. A head of events with several axes, such as
            `OneHotCategorical((1, 5))`, reads its columns row by row.
        columns: numbers of the columns of each group, from 0 on; None for groups that follow one another.

    Raises:
        UserError: if there is no head, one is no likelihood, or the columns are not 0 to D - 1, each once, with as many
            in each group as its head scores.

    Example:
        >>> from tfvae.distributions import Bernoulli, Normal, Poisson
        >>> head = Columns([Normal(2, scale="learned"), Poisson(1), Bernoulli(3)])
        >>> head.event_shape, head.scores
        ((6,), 'columns 0 to 1: values in [-inf, inf], column 2: whole numbers >= 0, columns 3 to 5: values in [0, 1]')
    """

    value_kind = "mixed"

    def __init__(
        self, heads: Sequence[LikelihoodHead], columns: Sequence[Sequence[int]] | None = None, **kwargs: Any
    ):
        heads = list(heads) if isinstance(heads, Iterable) else [heads]
        others = [head for head in heads if not isinstance(head, LikelihoodHead)]
        if others or not heads:
            raise UserError(
                "the heads of columns are no likelihoods",
                expected="a list of heads such as Normal(2) and Poisson(1)",
                received=shown(others[0]) if others else "none",
            )
        sizes = [math.prod(head.event_shape) for head in heads]
        super().__init__(sum(sizes), **kwargs)
        self.heads = heads
        self.columns = _checked(columns, sizes)
        self._places = np.argsort(list(itertools.chain(*self.columns)))
        lows, highs = zip(*(head.support for head in heads), strict=True)
        self.support = (min(lows), max(highs))

    def build(self, input_shape: Shape | None = None) -> None:
        """Builds the heads."""
        for head in self.heads:
            if not head.built:  # as those of a file are
                head.build(input_shape)
        with tf.init_scope():
            features = tf.zeros((1, *(input_shape or ())[1:]))
            self._counts = [len(head.call(features)) for head in self.heads]
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> Parameters:
        """Returns the parameters of all heads, one after another."""
        return tuple(itertools.chain(*(head(features) for head in self.heads)))

    def groups(self, parameters: Parameters) -> list[tuple[LikelihoodHead, Parameters]]:
        """Returns each head with its parameters."""
        each = iter(parameters)
        return [
            (head, tuple(itertools.islice(each, count)))
            for head, count in zip(self.heads, self._counts, strict=True)
        ]

    def split(self, values: tf.Tensor) -> list[tf.Tensor]:
        """Returns the values of each head, [..., *event_shape of the head], from [..., D]."""
        parts = []
        for head, columns in zip(self.heads, self.columns, strict=True):
            part = tf.gather(values, columns, axis=-1)
            shape = tf.concat([tf.shape(part)[:-1], head.event_shape], axis=0)
            reshaped = tf.reshape(part, shape)
            reshaped.set_shape([*part.shape[:-1], *head.event_shape])
            parts.append(reshaped)
        return parts

    def join(self, parts: Iterable[tf.Tensor]) -> tf.Tensor:
        """Returns [..., D] from the values of each head, [..., *event_shape of the head]."""
        flat = [
            tf.reshape(
                part, tf.concat([tf.shape(part)[: tf.rank(part) - len(head.event_shape)], [-1]], axis=0)
            )
            for head, part in zip(self.heads, parts, strict=True)
        ]
        return tf.gather(tf.concat(flat, axis=-1), self._places, axis=-1)

    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns the `tfd.Blockwise` of the heads' distributions, its columns in order."""
        flat = [
            tfp.bijectors.Reshape([math.prod(head.event_shape)], event_shape_in=head.event_shape)(
                head.distribution(own)
            )
            for head, own in self.groups(parameters)
        ]
        return tfp.bijectors.Permute(self._places)(tfd.Blockwise(flat, dtype_override=tf.float32))

    def log_prob(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns the sum of the heads' log-probabilities, nats."""
        groups = zip(self.groups(parameters), self.split(value), strict=True)
        return tf.add_n([head.log_prob(own, part) for (head, own), part in groups])

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns the means of all columns."""
        return self.join(head.mean(own) for head, own in self.groups(parameters))

    @property
    def noise_size(self) -> int:
        """Numbers of noise that one value takes: those of all heads."""
        return sum(head.noise_size for head in self.heads)

    def noise_from(self, source: Noise, stream: str, num_samples: int = 1) -> tf.Tensor:
        """Returns the noise of all heads, one after another, each of the kind that its head takes."""
        each = [head.noise_from(source, f"{stream}/{i}", num_samples) for i, head in enumerate(self.heads)]
        return tf.concat(each, axis=-1)

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns the heads' draws from their parts of the noise, see `noise_from`."""
        each = tf.split(noise, [head.noise_size for head in self.heads], axis=-1)
        groups = zip(self.groups(parameters), each, strict=True)
        return self.join(head.sample(own, part) for (head, own), part in groups)

    def initialize_bias(self, mean: np.ndarray) -> None:
        """Starts each head from the mean of its columns: array [D]."""
        for head, columns in zip(self.heads, self.columns, strict=True):
            head.initialize_bias(np.reshape(np.asarray(mean)[list(columns)], head.event_shape))

    @property
    def adapts(self) -> bool:  # type: ignore[override]
        """Whether training steps set weights of a head."""
        return any(head.adapts for head in self.heads)

    def adapt(self, parameters: Parameters, value: tf.Tensor, mean: Mean) -> Parameters:
        """See `LikelihoodHead.adapt`, head by head."""
        groups = zip(self.groups(parameters), self.split(value), strict=True)
        return tuple(itertools.chain(*(head.adapt(own, part, mean) for (head, own), part in groups)))

    def own_metrics(self) -> dict[str, float]:
        """Returns the metrics of the heads, each name after the number of its head, from 0 on."""
        metrics = [(i, head.own_metrics()) for i, head in enumerate(self.heads)]
        return {f"{name}_{i}": value for i, found in metrics for name, value in found.items()}

    @property
    def measure(self) -> str:
        """What `log_prob` is the logarithm of, in words."""
        return " and ".join(dict.fromkeys(head.measure for head in self.heads))

    @property
    def scores(self) -> str:
        """The values that can be scored, for messages."""
        groups = zip(self.columns, self.heads, strict=True)
        return ", ".join(f"{_words(columns)}: {head.scores}" for columns, head in groups)

    def fits(self, x: tf.Tensor) -> tf.Tensor:
        """Returns whether every head can score its columns: a boolean scalar, False for NaN."""
        parts = zip(self.heads, self.split(x), strict=True)
        return tf.reduce_all([head.fits(part) for head, part in parts])

    def unfit(self, x: tf.Tensor) -> tf.Tensor:
        """Returns which values cannot be scored: booleans in the shape of x."""
        parts = zip(self.heads, self.split(x), strict=True)
        return self.join(head.unfit(part) for head, part in parts)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {
            "heads": [keras.saving.serialize_keras_object(head) for head in self.heads],
            "columns": [list(columns) for columns in self.columns],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Columns:
        """Makes the head from its arguments."""
        heads = [keras.saving.deserialize_keras_object(head) for head in config["heads"]]
        return cls(**config | {"heads": heads})


def _checked(columns: Sequence[Sequence[int]] | None, sizes: list[int]) -> tuple[tuple[int, ...], ...]:
    """Returns the columns of each head."""
    starts = [*itertools.accumulate(sizes, initial=0)]
    if columns is None:
        return tuple(tuple(range(*ends)) for ends in itertools.pairwise(starts))
    try:
        found = tuple(tuple(operator.index(column) for column in group) for group in columns)
    except TypeError:
        found = ()
    if [len(group) for group in found] != sizes or sorted(itertools.chain(*found)) != list(range(starts[-1])):
        raise UserError(
            "the columns of the heads do not fit",
            expected=f"groups of {', '.join(map(str, sizes))} columns, each of 0 to {starts[-1] - 1} once",
            received=shown(columns),
        )
    return found


def _words(columns: tuple[int, ...]) -> str:
    """Returns the numbers of some columns, for messages."""
    if len(columns) > 1 and columns == tuple(range(columns[0], columns[-1] + 1)):
        return f"columns {columns[0]} to {columns[-1]}"
    return f"column{'s' * (len(columns) > 1)} {', '.join(map(str, columns))}"
