"""The examples that an evaluation runs over."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tfvae.checks import UserError


def as_arrays(model, data) -> dict[str, np.ndarray]:
    """Returns the examples of `data` in float32 arrays [N, ...], as the model's methods take them: {"x": ...}, and
    {"condition": ...} where it has a condition.

    Args:
        model: a `tfvae` model.
        data: an array, or a finite `tf.data.Dataset` of batches x, (x, y) or (x, y, weight); for a model with a
            condition a pair of arrays (condition, x) or a data set of such batches.

    Raises:
        UserError: if there are none, the data set has no end, or they do not fit the model.
    """
    if isinstance(data, tf.data.Dataset):
        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise UserError("the data set has no end", expected="a finite one", fix="use dataset.take(n)")
        batches = [keras.utils.unpack_x_y_sample_weight(batch)[:2] for batch in data]
        inputs, targets = zip(*batches, strict=True) if batches else ([np.zeros(0)], [np.zeros(0)])
        inputs, targets = (
            None if part[0] is None else np.concatenate([np.asarray(item) for item in part])
            for part in (inputs, targets)
        )
    elif model.takes_condition and isinstance(data, (tuple, list)) and len(data) == 2:
        inputs, targets = map(np.asarray, data)
    elif isinstance(data, tuple):
        raise UserError(
            f"a {type(model).__name__} takes examples alone"
            + " with their condition" * model.takes_condition,
            expected="(condition, x)" if model.takes_condition else "an array x, or a data set",
            received=f"a tuple of {len(data)}",
        )
    else:
        inputs, targets = np.asarray(data), None
    arrays = {"condition": inputs, "x": targets} if model.takes_condition else {"x": inputs}
    for name, values in arrays.items():
        if values is not None and (values.ndim == 0 or len(values) == 0):
            raise UserError(
                "there are no examples to evaluate", expected="at least 1", received=f"shape {values.shape}"
            )
        if values is not None and values.dtype.kind == "f":
            arrays[name] = values.astype(np.float32, copy=False)
    if model.takes_condition:
        model.check_data(inputs, targets)
    else:
        model.cast_examples(arrays["x"][:1])
    model.check_support(arrays["x"])
    return arrays


def rows(arrays: dict[str, np.ndarray], start: int, count: int) -> dict[str, np.ndarray]:
    """Returns rows start .. start + count - 1 of each array."""
    return {name: values[start : start + count] for name, values in arrays.items()}
