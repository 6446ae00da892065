"""What the data of a user go through before Keras' loops see them."""

from __future__ import annotations

import inspect
from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.compat import untuned_arrays
from tfvae.models import replicas
from tfvae.models.nonfinite import StopWhenNotFinite, watched
from tfvae.models.optimized import KerasPart
from tfvae.models.precision import float32_data

FIT_OPTIONS = list(inspect.signature(keras.Model.fit).parameters)[3:]  # after self, x and y


class Fitting(KerasPart):
    """`fit`, `evaluate` and `predict` of a Keras model that is `Checked`."""

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        *args: Any,
        sample_weight: Any = None,
        validation_data: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """As `keras.Model.fit`; targets are ignored but by a conditional model, and sample weights need none.

        The loss of a batch is sum_b sample_weight[b] loss[b] / B, plus the layers' own losses, such as regularisers.

        Raises:
            UserError: if `x`, or that of `validation_data`, holds values that the likelihood cannot score: before the
                first step if it is an array, otherwise before the step that meets them; if the loss is not finite; if
                XLA cannot compile the step.
        """
        self.check_data(x, y)
        options = dict(zip(FIT_OPTIONS, args, strict=False)) | kwargs
        options["callbacks"] = watched(options.get("callbacks"), StopWhenNotFinite(x, y))
        if validation_data is not None:
            self.check_data(*keras.utils.unpack_x_y_sample_weight(validation_data)[:2])
        if isinstance(validation_data, (tuple, list)) and len(validation_data) == 3:
            held_out, targets, weight = validation_data
            validation_data = (held_out, _targets(held_out, targets, weight), weight)
        y = _targets(x, y, sample_weight)
        x, epoch_steps = replicas.cut_over_workers(
            self.distribute_strategy, x, options.pop("steps_per_epoch", None)
        )
        validation_data, held_out_steps = replicas.cut_over_workers(
            self.distribute_strategy, validation_data, options.pop("validation_steps", None)
        )
        with float32_data(), untuned_arrays():
            return super().fit(
                x,
                y,
                sample_weight=sample_weight,
                validation_data=validation_data,
                steps_per_epoch=epoch_steps,
                validation_steps=held_out_steps,
                **options,
            )

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        *args: Any,
        sample_weight: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> dict[str, float] | list[float]:
        """As `keras.Model.evaluate`; see `fit`. The loss is minus the plain bound, without the layers' own losses."""
        self.check_data(x, y)
        y = _targets(x, y, sample_weight)
        x, count = replicas.cut_over_workers(self.distribute_strategy, x, kwargs.pop("steps", None))
        options = {"sample_weight": sample_weight, "steps": count, "return_dict": True}
        with float32_data(), untuned_arrays():
            metrics = super().evaluate(x, y, *args, **options, **kwargs)
        return metrics if return_dict else [metrics[name] for name in self.metrics_names]

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.predict`, in one process.

        Raises:
            UserError: under several workers, whose predictions Keras would put together out of order.
        """
        if replicas.several_workers(self.distribute_strategy):
            raise UserError(
                "predict does not share its data over several workers",
                expected="one process that loads the saved model",
                fix="or call the model on a batch",
            )
        with float32_data(), untuned_arrays():
            return super().predict(x, *args, **kwargs)

    def train_on_batch(self, *args: Any, return_dict: bool = False, **kwargs: Any) -> Any:
        """As `keras.Model.train_on_batch`; a list of metrics is in the order of `metrics_names`."""
        metrics = super().train_on_batch(*args, return_dict=True, **kwargs)
        return metrics if return_dict else [metrics[name] for name in self.metrics_names]

    def test_on_batch(self, *args: Any, return_dict: bool = False, **kwargs: Any) -> Any:
        """As `keras.Model.test_on_batch`; a list of metrics is in the order of `metrics_names`."""
        metrics = super().test_on_batch(*args, return_dict=True, **kwargs)
        return metrics if return_dict else [metrics[name] for name in self.metrics_names]


def _targets(x: Any, y: Any, sample_weight: Any) -> Any:
    """Returns `y`, or zeros where Keras would forget the sample weights of an array for want of targets."""
    return tf.zeros(len(x)) if y is None and sample_weight is not None and hasattr(x, "shape") else y
