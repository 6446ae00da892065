"""Keras callbacks that a user names: module:factory."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from typing import Any

from tfvae.checks import UserError


def check(names: Iterable[str]) -> None:
    """Checks callbacks as far as that goes without importing them.

    Args:
        names: each "module:factory", such as "wandb.integration.keras:WandbMetricsLogger".

    Raises:
        UserError: if one has another form, or there is no such package.
    """
    for name in names:
        module, colon, factory = name.partition(":")
        parts = [*module.split("."), *factory.split(".")]
        if not colon or not all(part.isidentifier() for part in parts):
            raise UserError(
                "--callback names no factory of a callback", expected="MODULE:FACTORY", received=name
            )
        package = module.partition(".")[0]
        if importlib.util.find_spec(package) is None:
            raise UserError(f"--callback {name} needs the package {package}", fix=f"pip install {package}")


def make(names: Iterable[str]) -> list[Any]:
    """Returns the callbacks, each made by its factory without arguments.

    Args:
        names: each "module:factory"; see `check`.

    Raises:
        UserError: if a module or a factory is missing or fails, or what it makes is no Keras callback.
    """
    import keras

    made = []
    for name in names:
        module, _, factory = name.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for part in factory.split("."):
                found = getattr(found, part)
            callback = found()
        except Exception as error:  # of code that is not ours
            told = next(iter(str(error).splitlines()), "") or type(error).__name__
            raise UserError(f"--callback {name} cannot be made", received=told) from error
        if not isinstance(callback, keras.callbacks.Callback):
            raise UserError(
                f"--callback {name} makes no Keras callback",
                expected="a keras.callbacks.Callback",
                received=type(callback).__name__,
            )
        made.append(callback)
    return made
