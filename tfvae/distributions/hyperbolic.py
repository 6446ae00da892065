"""Two functions of h >= 0 whose plain formulas cancel near 0, with finite gradients everywhere.

Both are written in operations that LiteRT has built in.
"""

from __future__ import annotations

import tensorflow as tf

SERIES_BELOW = 0.5  # where the first term left out of a series is below float32 rounding


def log_sinh_ratio(h: tf.Tensor) -> tf.Tensor:
    """Returns log(sinh(h) / h) = h + log(1 - exp(-2 h)) - log(2 h) for h >= 0; 0 at 0.

    Below 1/2: h^2/6 - h^4/180 + h^6/2835 - h^8/37800 + h^10/467775.
    """
    small = h < SERIES_BELOW
    s = tf.square(tf.where(small, h, 0.0))
    series = s * (1 / 6 - s * (1 / 180 - s * (1 / 2835 - s * (1 / 37800 - s / 467775))))
    large = tf.where(small, 1.0, h)
    exact = large + tf.math.log(1.0 - tf.exp(-2.0 * large)) - tf.math.log(2.0 * large)
    return tf.where(small, series, exact)


def langevin(h: tf.Tensor) -> tf.Tensor:
    """Returns coth(h) - 1/h for h >= 0, the derivative of `log_sinh_ratio`; 0 at 0.

    Below 1/2: h/3 - h^3/45 + 2 h^5/945 - h^7/4725 + 2 h^9/93555.
    """
    small = h < SERIES_BELOW
    near = tf.where(small, h, 0.0)
    s = tf.square(near)
    series = near * (1 / 3 - s * (1 / 45 - s * (2 / 945 - s * (1 / 4725 - s * 2 / 93555))))
    large = tf.where(small, 1.0, h)
    decay = tf.exp(-2.0 * large)
    return tf.where(small, series, (1.0 + decay) / (1.0 - decay) - 1.0 / large)
