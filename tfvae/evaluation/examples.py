"""The examples that an evaluation runs over."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.checks import UserError, not_finite
from tfvae.examples import Examples
from tfvae.models.checked import Checked
from tfvae.models.conditional import Conditional


def as_examples(model: Checked, data: Any) -> Examples:
    """Returns the examples of `data`, checked against the model, floating-point numbers as float32.

    Args:
        model: a `tfvae` model.
        data: `Examples`, an array, or a finite `tf.data.Dataset` of batches x, (x, y) or (x, y, weight); for a model
            with a condition `Examples` that have one, a pair of arrays (condition, x) or a data set of such batches.

    Raises:
        UserError: if there are none, the data set has no end, or they do not fit the model.

    Example:
        >>> import numpy as np
        >>> from tfvae import evaluation, presets
        >>> len(evaluation.as_examples(presets.create("digits"), np.ones((3, 8, 8, 1))))
        3
    """
    inputs, targets, rows = _parts(model, data)
    inputs, targets = (None if part is None else _array(part) for part in (inputs, targets))
    named = model.named(inputs, targets)
    model.cast_examples(**{name: None if part is None else part[:1] for name, part in named.items()})
    if rows is not None:
        _check_finite(named, rows)
    model.check_data(inputs, targets)
    return Examples(**named) if rows is None else Examples(**named, rows=rows)


def _check_finite(named: dict[str, Any], rows: np.ndarray) -> None:
    """Raises a `UserError` for a number that is not finite, with the number of its example in the whole data set."""
    for name, part in named.items():
        found = None if part is None else not_finite(part)
        if found is not None:
            values = np.ravel(part[found[1]])
            raise UserError(
                f"{name} holds {found[0]} examples with numbers that are NaN or infinite",
                expected="finite numbers",
                received=f"{values[~np.isfinite(values)][0]} in example {rows[found[1]]}",
            )


def _parts(model: Checked, data: Any) -> tuple[Any, Any, np.ndarray | None]:
    """Returns Keras' inputs and targets, None where there are none, and the examples' numbers, None for 0 .. N - 1."""
    paired = isinstance(model, Conditional)
    if isinstance(data, tf.data.Dataset):
        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise UserError("the data set has no end", expected="a finite one", fix="use dataset.take(n)")
        batches = [keras.utils.unpack_x_y_sample_weight(batch)[:2] for batch in data]
        columns = zip(*batches, strict=True) if batches else ([np.zeros(0)], [np.zeros(0)])
        inputs, targets = (
            None if part[0] is None else np.concatenate([np.asarray(item) for item in part])
            for part in columns
        )
        return inputs, targets if paired else None, None
    if isinstance(data, Examples) and paired == (data.condition is not None):
        return (data.condition, data.x, data.rows) if paired else (data.x, None, data.rows)
    if paired and isinstance(data, tuple | list) and len(data) == 2:
        return data[0], data[1], None
    if isinstance(data, tuple | Examples):
        received = f"a tuple of {len(data)}"
        if isinstance(data, Examples):
            received = "examples without one" if paired else "examples with a condition"
        raise UserError(
            f"a {type(model).__name__} takes examples alone" + " with their condition" * paired,
            expected="(condition, x)" if paired else "an array x, or a data set",
            received=received,
        )
    return data, None, None


def _array(values: Any) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim == 0 or len(values) == 0:
        raise UserError(
            "there are no examples to evaluate", expected="at least 1", received=f"shape {values.shape}"
        )
    return values.astype(np.float32, copy=False) if values.dtype.kind == "f" else values
