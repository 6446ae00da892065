"""The export room: SavedModel, TFLite and the on-device runtime. Installed as `tfvae.export`.

Names are resolved on first use, so that `OnDevice` works where no TensorFlow is installed.
"""

import importlib

if not __name__.startswith("tfvae."):
    raise ImportError(
        "`export` is part of tfvae and is imported as `tfvae.export`; expected an installed package, received a "
        "bare checkout on sys.path; install it with `pip install .` or `pip install -e .`"
    )

_HOME = {"save_serving": "saved_model", "save_tflite": "tflite", "OnDevice": "on_device", "save_web": "web"}

__all__ = [*_HOME]


def __getattr__(name):
    if name in _HOME:
        return getattr(importlib.import_module(f"tfvae.export.{_HOME[name]}"), name)
    raise AttributeError(f"module 'tfvae.export' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
