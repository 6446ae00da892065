"""The machine's own rate of matrix products in float32, in TensorFlow."""

from __future__ import annotations

import time

import tensorflow as tf

SHAPES = {"decoder": (5000, 200, 784), "square": (2048, 2048, 2048)}  # [n, i] x [i, o]


class Products:
    """Products of one shape."""

    def __init__(self, shape):
        rows, inner, columns = SHAPES[shape]
        self._first, self._second = tf.random.normal([rows, inner]), tf.random.normal([inner, columns])
        self._flops = 2 * rows * inner * columns
        self._product = tf.function(tf.matmul)

    def rate(self, count):
        """Returns GFLOP/s over `count` products."""
        self._product(self._first, self._second)
        began = time.perf_counter()
        for _ in range(count):
            self._product(self._first, self._second)
        return count * self._flops / (time.perf_counter() - began) / 1e9
