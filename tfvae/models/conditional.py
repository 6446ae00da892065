"""What models of p(x | condition) share: the condition, and the part of x that it already shows."""

from __future__ import annotations

import abc
import math
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfvae import memory, random
from tfvae.checks import UserError, positive_int, shape_of
from tfvae.distributions import Head
from tfvae.distributions.head import Parameters
from tfvae.models import checking
from tfvae.models.checking import Check
from tfvae.models.likelihood_model import LikelihoodModel
from tfvae.models.parts import batch_of, deserialize, known
from tfvae.random import Noise

MASK = "given"  # key of the mask `visible` in .keras files


class Pair(NamedTuple):
    """Examples with their conditions.

    Attributes:
        condition: [B, *condition_shape].
        x: [B, *event_shape].
    """

    condition: tf.Tensor
    x: tf.Tensor


class Conditional(LikelihoodModel):
    """A model whose Keras inputs are the condition and whose targets are x: `fit(condition, x)`, `predict(condition)`.

    With a mask `visible` the condition is x itself where the mask is True. The likelihood then scores only the hidden
    values, as a vector in the order of the image. Means and samples show the visible values unchanged. Other values of
    the condition are never read.
    """

    def condition_on(self, condition_shape: Any, visible: Any, likelihood: Head) -> None:
        """Takes in the shape of the condition and the mask, and checks the likelihood's head against them."""
        self.condition_shape = shape_of("condition_shape", condition_shape)
        self.autocast = False  # visible values keep their precision; the layers cast for themselves
        self.visible = self._unseen = self._places = None
        if visible is None:
            return
        self.visible = visible = np.asarray(visible)
        if (
            visible.dtype != bool
            or visible.shape != self.condition_shape
            or visible.all()
            or not visible.any()
        ):
            raise UserError(
                "visible is not a mask of the condition",
                expected=f"booleans of shape {self.condition_shape}, some true and some false",
                received=f"{visible.dtype} of shape {visible.shape}, {int(np.sum(visible.astype(bool)))} true",
            )
        count = int(np.sum(~visible))
        if likelihood.event_shape != (count,):
            raise UserError(
                "the likelihood does not fit the hidden values",
                expected=f"a head of event shape ({count},)",
                received=likelihood.event_shape,
            )
        shown = visible.reshape(-1)
        self._unseen = np.flatnonzero(~shown).astype(np.int32)
        self._places = np.where(shown, 0, np.cumsum(~shown) - 1).astype(np.int32)

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return super().event_shape if self.visible is None else self.condition_shape

    @property
    def input_event_shape(self) -> tuple[int, ...]:
        """Shape of one condition, on which Keras calls the model."""
        return self.condition_shape

    def check_condition(self, condition: Any) -> tf.Tensor:
        """Returns a batch of conditions [B, *condition_shape] as float32, 0 at hidden values.

        Raises:
            UserError: if there is none, or it does not hold finite floating-point numbers of that shape.
        """
        condition = self._cast_condition(condition)
        return checking.gated(condition, self._check_finite(condition))

    def _cast_condition(self, condition: Any) -> tf.Tensor:
        if condition is None:
            raise UserError(
                "condition is missing",
                expected=f"an array [{', '.join(map(str, ('B', *self.condition_shape)))}]",
                fix=f"a {type(self).__name__} takes (condition, x), and condition=... in its methods",
            )
        condition = batch_of("condition", condition, self.condition_shape, rank=1 + len(self.condition_shape))
        return condition if self.visible is None else tf.where(self.visible, condition, 0.0)

    def _check_finite(self, condition: tf.Tensor) -> Check:
        """Returns the check that conditions, 0 at hidden values, are finite."""
        return checking.numbers("condition", condition)

    def check_inputs(self, inputs: Any) -> tf.Tensor:
        """Returns a batch of conditions; see `check_condition`."""
        return self.check_condition(inputs)

    def cast_examples(self, x: Any, condition: Any = None) -> Pair:
        """Returns a batch of examples with their conditions, with the visible values of x taken from the condition.

        Raises:
            UserError: if one is missing, does not fit, or they differ in number.
        """
        if x is None and condition is not None:
            raise UserError(
                "x is missing, one array alone was given",
                expected="(condition, x)",
                fix="give x as the targets, as in fit(condition, x)",
            )
        condition = self._cast_condition(condition)
        x = batch_of("x", x, self.event_shape, rank=1 + len(self.event_shape))
        if None in (x.shape[0], condition.shape[0]):
            check = checking.rows("condition and x", tf.shape(x)[0], tf.shape(condition)[0])
            condition, x = checking.gated((condition, x), check)
        elif x.shape[0] != condition.shape[0]:
            raise UserError(
                "condition and x differ in their number of rows", expected=len(x), received=len(condition)
            )
        return Pair(condition, x if self.visible is None else tf.where(self.visible, condition, x))

    def checks(self, examples: Pair, scored: bool) -> list[Check]:
        """See `Checked.checks`; conditions are finite."""
        return [self._check_finite(examples.condition), *super().checks(examples, scored)]

    def named(self, inputs: Any, targets: Any = None) -> dict[str, Any]:
        """Returns Keras' inputs, the condition, and its targets, x, as arguments of `check_examples`."""
        return {"condition": inputs, "x": targets}

    def check_data(self, inputs: Any, targets: Any) -> None:
        """Checks arrays and the specification of a data set before the first step."""
        if isinstance(inputs, tf.data.Dataset):
            specs = keras.utils.unpack_x_y_sample_weight(inputs.element_spec)[:2]
            if all(spec is None or _is_known(spec) for spec in specs):
                blank = (
                    None if spec is None else tf.zeros([1, *spec.shape[1:]], spec.dtype) for spec in specs
                )
                self.cast_examples(**self.named(*blank))
            return
        arrays = [array for array in (inputs, targets) if hasattr(array, "shape")]
        if inputs is None or (arrays and len(arrays) < 2):
            self.cast_examples(**self.named(inputs, targets))
        elif arrays:
            self.cast_examples(tf.zeros_like(targets[:1]), condition=tf.zeros_like(inputs[:1]))
            if len(inputs) != len(targets):
                raise UserError(
                    "condition and x differ in their number of rows",
                    expected=len(targets),
                    received=len(inputs),
                )
            if known(inputs) is not None:
                with tf.device("CPU"):
                    self.check_condition(known(inputs))
            self.check_support(targets)

    def check_support(self, x: Any) -> None:
        """See `Checked.check_support`; visible values may be any."""
        x = known(x)
        super().check_support(x if x is None or self.visible is None else x[:, ~self.visible])

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.predict`, of conditions: the mean prediction of each."""
        if hasattr(x, "shape"):
            self._cast_condition(x[:1])
        return super().predict(x, *args, **kwargs)

    def unseen(self, x: Any) -> tf.Tensor:
        """Returns the values of x [..., *event_shape] that the likelihood scores: all, or hidden ones [..., count]."""
        if self.visible is None:
            return x
        x = tf.convert_to_tensor(x)
        lead = tf.shape(x)[: -len(self.event_shape)]
        vectors = tf.reshape(x, tf.concat([lead, [math.prod(self.event_shape)]], axis=0))
        return tf.gather(vectors, self._unseen, axis=-1)

    def scored(self, x: Pair) -> tf.Tensor:
        """Returns the values of a `Pair` that the likelihood scores: x, or its hidden values."""
        return self.unseen(x.x)

    def complete(self, values: tf.Tensor, condition: tf.Tensor) -> tf.Tensor:
        """Returns x [..., B, *event_shape]: values of the likelihood, and visible values from the condition."""
        if self.visible is None:
            return values
        whole = tf.gather(values, self._places, axis=-1)
        whole = tf.reshape(whole, tf.concat([tf.shape(values)[:-1], self.event_shape], axis=0))
        whole = tf.where(self.visible, condition, whole)
        return tf.ensure_shape(whole, [*values.shape[:-1], *self.event_shape])

    def sample(
        self, n: int, seed: int | None = None, *, condition: Any = None, mean: bool = True
    ) -> tf.Tensor:
        """Draws examples for each condition.

        Args:
            n: number of samples for each condition.
            seed: 32-bit integer, or None for a fresh one. Sample i of condition b, one of B, depends on
                (seed, i B + b) and that condition alone, and is the same in process, in a SavedModel and on a device.
            condition: [B, *condition_shape].
            mean: whether to return the likelihood's mean rather than a draw from the likelihood.

        Returns:
            x: [n, B, *event_shape].

        Raises:
            UserError: if `n` is no positive integer, or the condition is missing, empty or does not fit.
        """
        condition = self.check_condition(condition)
        if condition.shape[0] == 0:
            raise UserError(
                "condition is empty", expected="at least one row", received=condition.shape.as_list()
            )
        rows = positive_int("n", n) * int(condition.shape[0] or 1)
        positive_int("n times the conditions", rows)
        memory.check(f"{rows} samples", 4.0 * rows * math.prod(self.event_shape), fix="draw fewer at a time")
        count = tf.shape(condition)[0]
        rows = tf.tile(condition, [n, *[1] * len(self.condition_shape)])
        noise = random.ThreefryNoise(random.row_seeds(seed, n * count))
        parameters, head = self.draw_parameters(noise, rows), self.likelihood_head
        values = head.mean(parameters) if mean else head.sample(parameters, head.noise_from(noise, "x")[0])
        x = self.complete(values, rows)
        return tf.reshape(x, tf.concat([[n, count], self.event_shape], axis=0))

    @abc.abstractmethod
    def draw_parameters(self, noise: Noise, condition: tf.Tensor) -> Parameters:
        """Returns the likelihood's parameters for one draw of the latents, if any, for each checked condition."""

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        visible = None if self.visible is None else self.visible.tolist()
        return super().get_config() | {"condition_shape": self.condition_shape, MASK: visible}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Returns the model that `get_config` described."""
        arguments = {
            "visible" if name == MASK else name: deserialize(value) for name, value in config.items()
        }
        return cls(**arguments)


def _is_known(spec: Any) -> bool:
    """Returns whether a specification is that of a tensor of known shape but for its rows."""
    return isinstance(spec, tf.TensorSpec) and bool(spec.shape.rank) and spec.shape[1:].is_fully_defined()


def flat(values: tf.Tensor) -> tf.Tensor:
    """Returns values [B, ...] as float32 [B, size]."""
    return tf.cast(tf.reshape(values, [-1, math.prod(values.shape[1:])]), tf.float32)


def join(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Joins two batches of values: along the channels where both are images of one size, otherwise as vectors."""
    images = first.shape.rank == second.shape.rank == 4 and first.shape[1:3] == second.shape[1:3]
    return tf.concat([first, second] if images else [flat(first), flat(second)], axis=-1)
