"""Layers that are made of layers, and what of them was frozen."""

from __future__ import annotations

import keras

from tfvae.checks import UserError
from tfvae.layers.policy import policy_for


class Composite:
    """For a Keras layer or model that makes layers of its own: a part that was frozen stays so.

    Keras saves whether a layer is trainable, but a layer that another one makes starts trainable. Here the
    configuration names the parts that differ from the part that holds them, and `build`, which a subclass calls last,
    freezes them again. What `build` itself makes takes the flag of its maker.

    Args:
        trainable_parts: path of a part, from this layer on, to whether it is trainable, where that differs from the
            part around it; None for nothing to restore.
        dtype: see `policy_for`.
        **kwargs: as `keras.layers.Layer` takes them.
    """

    def __init__(self, *, trainable_parts=None, dtype=None, **kwargs):
        super().__init__(dtype=policy_for(dtype), **kwargs)
        self._unsettled = None if trainable_parts is None and self.trainable else dict(trainable_parts or {})

    def build(self, input_shape=None):
        """Freezes what is to be frozen, once every part has been built."""
        super().build(input_shape)
        if self._unsettled is not None:
            _assign(self, self.trainable)
            _set(self, self._unsettled)
            self._unsettled = None

    def get_config(self):
        """Returns the arguments."""
        config = super().get_config()
        differing = self._unsettled if self._unsettled is not None else _differing(self)
        if differing:
            config["trainable_parts"] = dict(differing)
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = keras.regularizers.serialize(self.activity_regularizer)
        return config


def walk(layer):
    """Yields (path, part, the part around it) for every layer inside a layer, each once, the outer ones first."""
    seen, queue = {id(layer)}, [("", layer)]
    while queue:
        above, outer = queue.pop(0)
        for name, part in _named(outer):
            if id(part) not in seen:
                seen.add(id(part))
                path = f"{above}/{name}" if above else name
                queue.append((path, part))
                yield path, part, outer


def _named(layer):
    """Returns (name, part) of the layers that a layer holds itself: the attribute, with the place in a list or a
    dictionary, or the layer's own name in a functional or sequential model, which Keras saves."""
    parts = layer._flatten_layers(include_self=False, recursive=False)
    names = {}
    for attribute, value in vars(layer).items():
        if not attribute.startswith("_"):
            _note(names, attribute, value)
    own = isinstance(layer, keras.Model)
    return [
        (names.get(id(part)) or (part.name if own else f"{index}"), part) for index, part in enumerate(parts)
    ]


def _note(names, name, value):
    if isinstance(value, keras.layers.Layer):
        names.setdefault(id(value), name)
    elif isinstance(value, list | tuple | dict):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            _note(names, f"{name}.{key}", item)


def _differing(layer):
    """Returns path to flag of each part whose flag is not that of the part around it."""
    return {path: part.trainable for path, part, outer in walk(layer) if part.trainable != outer.trainable}


def _set(layer, flags):
    """Sets flags by path, the outer parts first.

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


def _assign(layer, flag):
    """Sets the flag of a layer and of all in it; TensorFlow ignores the assignment of what an attribute holds."""
    layer.trainable = not flag
    layer.trainable = flag
