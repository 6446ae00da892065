"""Methods of a model as layers of a functional Keras model."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras


def takes_keras_tensors(method: Callable[..., Any]) -> Callable[..., Any]:
    """Has a method of tensors make a layer, where it is given `keras.Input`s or what became of them."""

    @functools.wraps(method)
    def either(self: Any, *args: Any, **condition: Any) -> Any:
        if any(keras.backend.is_keras_tensor(value) for value in (*args, *condition.values())):
            return Method(self, method.__name__)(*args, **condition)
        return method(self, *args, **condition)

    return either


@keras.saving.register_keras_serializable(package="tfvae")
class Method(keras.layers.Layer):
    """A layer that calls a method of a model.

    Args:
        model: a `tfvae` model.
        method: name of the method, "encode", "decode" or "reconstruct".
    """

    def __init__(self, model: Any, method: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.autocast = False  # the model casts for itself
        self.model, self.method = model, method

    def build(self, *shapes: Any) -> None:
        """Makes the model's layers."""
        if not self.model.built:
            self.model.build()
        super().build(None)

    def call(self, x: Any, **condition: Any) -> Any:
        """Returns what the method gives for x and, where the model has one, the condition."""
        return getattr(self.model, self.method)(x, **condition)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        model = keras.saving.serialize_keras_object(self.model)
        model["shared_object_id"] = id(
            self.model
        )  # so that a file's layers share the model again, as Keras' do
        return super().get_config() | {"model": model, "method": self.method}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Method:
        """Returns the layer that `get_config` described."""
        return cls(keras.saving.deserialize_keras_object(config.pop("model")), **config)
