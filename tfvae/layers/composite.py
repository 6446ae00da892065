"""Layers made of layers, whose frozen parts stay frozen when they are loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import keras
from keras.layers import Layer

from tfvae import compat
from tfvae.checks import UserError
from tfvae.layers.policy import policy_for

if TYPE_CHECKING:
    from keras.layers import Layer as Mixed
else:
    Mixed = object  # a Keras class follows in the bases of each subclass


class Composite(Mixed):
    """Mixin for a Keras layer or model that makes layers of its own: its frozen parts stay frozen.

    Keras saves whether a layer is trainable, but a layer that another layer makes starts trainable. Here the
    configuration lists the parts whose flag differs from that of the part around them. `build`, which a subclass calls
    last, sets these flags again. Parts that `build` makes take the flag of their maker.

    Args:
        trainable_parts: mapping from the path of a part to its flag, for parts that differ from the part around them;
            None if there is nothing to restore.
        dtype: dtype or policy, see `policy_for`.
        **kwargs: arguments of `keras.layers.Layer`.
    """

    def __init__(
        self,
        *,
        trainable_parts: Mapping[str, bool] | None = None,
        dtype: str | keras.DTypePolicy | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype=policy_for(dtype), **kwargs)
        self._unsettled = None if trainable_parts is None and self.trainable else dict(trainable_parts or {})

    def build(self, input_shape: Any = None) -> None:
        """Sets the flags of frozen parts, after a subclass has built every part."""
        super().build(input_shape)
        if self._unsettled is not None:
            _assign(self, self.trainable)
            _set(self, self._unsettled)
            self._unsettled = None

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        config = super().get_config()
        differing = self._unsettled if self._unsettled is not None else _differing(self)
        if differing:
            config["trainable_parts"] = dict(differing)
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = keras.regularizers.serialize(self.activity_regularizer)
        return config


def walk(layer: Layer) -> Iterator[tuple[str, Layer, Layer]]:
    """Yields (path, part, part around it) once for every layer inside a layer, outer layers first."""
    seen, queue = {id(layer)}, [("", layer)]
    while queue:
        above, outer = queue.pop(0)
        for name, part in _named(outer):
            if id(part) not in seen:
                seen.add(id(part))
                path = f"{above}/{name}" if above else name
                queue.append((path, part))
                yield path, part, outer


def _named(layer: Layer) -> list[tuple[str, Layer]]:
    """Returns (name, part) of the layers that a layer holds directly.

    The name is the attribute, followed by the place in a list or a dictionary. In a functional or sequential model it
    is the layer's own name, which Keras saves.
    """
    parts = compat.layers_of(layer, include_self=False, recursive=False)
    names: dict[int, str] = {}
    for attribute, value in vars(layer).items():
        if not attribute.startswith("_"):
            _note(names, attribute, value)
    own = isinstance(layer, keras.Model)
    return [
        (names.get(id(part)) or (part.name if own else f"{index}"), part) for index, part in enumerate(parts)
    ]


def _note(names: dict[int, str], name: str, value: Any) -> None:
    if isinstance(value, Layer):
        names.setdefault(id(value), name)
    elif isinstance(value, list | tuple | dict):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            _note(names, f"{name}.{key}", item)


def _differing(layer: Layer) -> dict[str, bool]:
    """Returns path -> flag of each part whose flag differs from that of the part around it."""
    return {path: part.trainable for path, part, outer in walk(layer) if part.trainable != outer.trainable}


def _set(layer: Layer, flags: Mapping[str, bool]) -> None:
    """Sets flags by path, outer parts first.

    Raises:
        UserError: if there is no such part.
    """
    parts = {path: part for path, part, _ in walk(layer)}
    for path, flag in sorted(flags.items(), key=lambda item: item[0].count("/")):
        if path not in parts:
            raise UserError(
                f"the {type(layer).__name__} has no part {path} to freeze or to train",
                expected=f"one of {', '.join(parts) or 'none'}",
                received=path,
                fix="load it with the version of tfvae that saved it",
            )
        _assign(parts[path], flag)


def _assign(layer: Layer, flag: bool) -> None:
    """Sets the flag of a layer and of all layers in it. TensorFlow ignores an assignment that changes nothing."""
    layer.trainable = not flag
    layer.trainable = flag
