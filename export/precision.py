"""Models in full precision: an export computes in float32 whatever training did."""

from __future__ import annotations

from typing import Any


def in_float32(model: Any) -> Any:
    """Returns the model, or a float32 copy if it has layers of mixed precision.

    The weights are float32 already; only the computations gain precision.
    """
    config, mixed = _full(model.get_config())
    if not mixed:
        return model
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        copy = type(model).from_config(config)
        copy.build()
    finally:
        keras.config.set_dtype_policy(before)
    copy.set_weights(model.get_weights())
    return copy


def _full(value: Any) -> tuple[Any, bool]:
    """Returns a configuration with each mixed dtype policy replaced, and whether there was one."""
    if isinstance(value, (list, tuple)):
        items = [_full(item) for item in value]
        return type(value)(item for item, _ in items), any(mixed for _, mixed in items)
    if not isinstance(value, dict):
        return ("float32", True) if isinstance(value, str) and value.startswith("mixed_") else (value, False)
    if value.get("class_name") == "DTypePolicy" and value["config"]["name"].startswith("mixed_"):
        return "float32", True
    entries = {key: _full(item) for key, item in value.items()}
    return {key: item for key, (item, _) in entries.items()}, any(mixed for _, mixed in entries.values())
