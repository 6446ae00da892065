"""Makes `keras.saving.load_model` find tfvae's classes after `import tfvae`, which imports nothing else.

A class is registered with Keras when its module runs, and Keras imports missing modules only of its own packages. If
Keras is loaded already, tfvae's modules run at once. Otherwise an import hook runs them once Keras is loaded, so that a
process that never loads Keras never pays for them.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


def register() -> None:
    """Registers every class of tfvae with Keras, now or when Keras is loaded."""
    if "keras" in sys.modules:
        _run_modules()
    elif not any(isinstance(finder, _KerasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _KerasFinder())


ROOMS = ("optimizers", "distributions", "networks", "models")  # their first statement is `import keras`


def _run_modules() -> None:
    """Imports the rooms. A room whose import led here has run nothing yet and starts over."""
    if importlib.util.find_spec("tensorflow") is None:
        return
    for room in ROOMS:
        module = sys.modules.get(f"tfvae.{room}")
        if module is not None and getattr(module.__spec__, "_initializing", False):
            del sys.modules[f"tfvae.{room}"]
    for room in ROOMS:
        importlib.import_module(f"tfvae.{room}")


class _KerasFinder(importlib.abc.MetaPathFinder):
    """Finds Keras with the other finders and runs tfvae's modules after it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "keras":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
        if spec is not None and spec.loader is not None:
            run_keras = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run_keras(module)
                sys.meta_path.remove(self)
                _run_modules()

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
