"""The default precision of a layer."""

from __future__ import annotations

import keras


def policy_for(dtype: str | keras.DTypePolicy | None) -> str | keras.DTypePolicy:
    """Returns `dtype`; for None, Keras' global policy if its weights are float32, otherwise "float32".

    Weights, log-densities and noise are float32. A global policy such as "mixed_float16" may choose half precision for
    the products. `floatx` and policies with other weights have no effect.
    """
    if dtype is not None:
        return dtype
    policy = keras.config.dtype_policy()
    return policy if policy.variable_dtype == "float32" else "float32"
