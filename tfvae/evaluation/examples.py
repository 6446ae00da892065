"""The examples that an evaluation runs over."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tfvae.checks import UserError


def as_array(data) -> np.ndarray:
    """Returns the examples of `data` in one float32 array [N, ...].

    Args:
        data: an array, or a finite `tf.data.Dataset` of batches x, (x, y) or (x, y, weight).

    Raises:
        UserError: if there are none, or the data set has no end.
    """
    if isinstance(data, tf.data.Dataset):
        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise UserError("the data set has no end", expected="a finite one", fix="use dataset.take(n)")
        batches = [np.asarray(keras.utils.unpack_x_y_sample_weight(batch)[0]) for batch in data]
        data = np.concatenate(batches) if batches else np.zeros(0)
    data = np.asarray(data)
    if data.ndim == 0 or len(data) == 0:
        raise UserError(
            "there are no examples to evaluate", expected="at least 1", received=f"shape {data.shape}"
        )
    return data if data.dtype == np.float32 or data.dtype.kind != "f" else data.astype(np.float32)
