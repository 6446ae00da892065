"""Likelihoods of real numbers with tails heavier than the normal's."""

from __future__ import annotations

import keras
import tensorflow_probability as tfp

from tfvae.distributions.head import tfd
from tfvae.distributions.ready_head import ReadyHead

FIRST_DEGREES = 4.0  # about, where training starts: far from both ends


@keras.saving.register_keras_serializable(package="tfvae")
class Laplace(ReadyHead):
    """Independent Laplace variables, the medians linear in the features:

        log p(x) = -sum_i |x_i - loc_i| / scale_i + log(2 scale_i)

    The scale is one for each entry of an example, unless `shared=()`.

    Args:
        event_shape: shape of one example.
        shared: names of parameters, of `loc` and `scale`, that do not depend on the features; None for `scale`.
        kernel_initializer: initialiser of the linear layers.

    Example:
        >>> head = Laplace(2)
        >>> [parameter.shape.as_list() for parameter in head(keras.ops.ones((4, 3)))]
        [[4, 2], [4, 2]]
    """

    FAMILY = tfd.Laplace
    SHARED = ("scale",)


@keras.saving.register_keras_serializable(package="tfvae")
class StudentT(ReadyHead):
    """Independent variables with Student's t distribution, their locations linear in the features:

        log p(x) = sum_i -(v_i + 1)/2 log(1 + t_i^2 / v_i) - log(scale_i sqrt(v_i) B(1/2, v_i/2)),

    t = (x - loc) / scale. Far values pull less than under a normal density, and the less the fewer the degrees of
    freedom v (`df`) are. These are above 1, so that the mean exists, and start near 4. They and the scale are one for
    each entry of an example, unless `shared` says otherwise. For fixed degrees of freedom see `FromTFP`.

    Args:
        event_shape: shape of one example.
        shared: names of parameters, of `df`, `loc` and `scale`, that do not depend on the features; None for `df` and
            `scale`.
        kernel_initializer: initialiser of the linear layers.

    Example:
        >>> head = StudentT(2)
        >>> [parameter.shape.as_list() for parameter in head(keras.ops.ones((4, 3)))]
        [[4, 2], [4, 2], [4, 2]]
    """

    FAMILY = tfd.StudentT
    SHARED = ("df", "scale")

    def _constraints(self) -> dict[str, tfp.bijectors.Bijector]:
        parts = tfp.bijectors.Shift(1.0), tfp.bijectors.Softplus(), tfp.bijectors.Shift(FIRST_DEGREES - 1.0)
        return super()._constraints() | {"df": tfp.bijectors.Chain(parts)}
