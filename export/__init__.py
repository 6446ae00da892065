"""The export room: SavedModel, TFLite and the on-device runtime. Installed as `tfvae.export`.

Names are imported on first use, so that `OnDevice` works where no TensorFlow is installed.
"""

import importlib
from typing import TYPE_CHECKING

if not __name__.startswith("tfvae."):
    raise ImportError(
        "`export` is part of tfvae and is imported as `tfvae.export`; expected an installed package, received a "
        "bare checkout on sys.path; install it with `pip install .` or `pip install -e .`"
    )

if TYPE_CHECKING:
    from tfvae.export.on_device import OnDevice
    from tfvae.export.saved_model import save_serving
    from tfvae.export.tflite import save_tflite
    from tfvae.export.web import save_web

__all__ = ["OnDevice", "save_serving", "save_tflite", "save_web"]

if not TYPE_CHECKING:
    _HOME = {
        "save_serving": "saved_model",
        "save_tflite": "tflite",
        "OnDevice": "on_device",
        "save_web": "web",
    }

    def __getattr__(name):
        if name in _HOME:
            return getattr(importlib.import_module(f"tfvae.export.{_HOME[name]}"), name)
        raise AttributeError(f"module 'tfvae.export' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
