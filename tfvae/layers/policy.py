"""The precision of a layer that was given none."""

from __future__ import annotations

import keras


def policy_for(dtype):
    """Returns `dtype`, or for None Keras' global policy where its weights are float32, otherwise float32.

    Weights, log-densities and noise are float32. So a global policy may choose half precision for the products, as
    "mixed_float16" does, but `floatx` and policies with other weights have no effect.
    """
    if dtype is not None:
        return dtype
    policy = keras.config.dtype_policy()
    return policy if policy.variable_dtype == "float32" else "float32"
