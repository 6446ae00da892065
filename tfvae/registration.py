"""Lets `keras.saving.load_model` find tfvae's classes after `import tfvae`, though nothing else is imported by it.

Keras knows a class once its module has run. Where Keras is loaded already the modules run at once; otherwise they run
when Keras has been loaded, and a process that never loads Keras never pays for them.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys


def register() -> None:
    """Makes Keras know every class of tfvae, now or when Keras is loaded."""
    if "keras" in sys.modules:
        _run_modules()
    elif not any(isinstance(finder, _KerasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _KerasFinder())


ROOMS = ("optimizers", "distributions", "networks", "models")  # their first statement is `import keras`


def _run_modules() -> None:
    """Imports the rooms. One whose import led here has run nothing yet and begins anew."""
    if importlib.util.find_spec("tensorflow") is None:
        return
    for room in ROOMS:
        module = sys.modules.get(f"tfvae.{room}")
        if module is not None and getattr(module.__spec__, "_initializing", False):
            del sys.modules[f"tfvae.{room}"]
    for room in ROOMS:
        importlib.import_module(f"tfvae.{room}")


class _KerasFinder(importlib.abc.MetaPathFinder):
    """Finds Keras as the other finders do and runs tfvae's modules once it has run."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
        if spec is not None and spec.loader is not None:
            run_keras = spec.loader.exec_module

            def exec_module(module):
                run_keras(module)
                sys.meta_path.remove(self)
                _run_modules()

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
