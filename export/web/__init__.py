"""A page that runs the model in the browser."""

from __future__ import annotations

import functools
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfvae import evaluation
from tfvae.checks import UserError
from tfvae.export import parity
from tfvae.export.directories import disk_errors, replacing_directory
from tfvae.export.layouts import VENDORED, WEB, check_target
from tfvae.export.signatures import check_exportable
from tfvae.export.tflite import save_tflite
from tfvae.models.conditional import Conditional
from tfvae.models.contract import Inferential

NUM_SLIDERS = 10


def save_web(
    model: keras.Model,
    folder: str | os.PathLike[str],
    *,
    runtime: str | os.PathLike[str] | None = None,
    images: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    overwrite: bool = False,
) -> Path:
    """Writes a folder with a page, the model and the LiteRT runtime. Once served over http it needs no network.

    The page has sliders for the most active latent units, samples by seed and interpolation between two seeds. Seed s
    shows `model.sample(1, seed=s)`. With labels there are sliders along the mean code of each class. A generator
    without an encoder has sliders of its first latent units. A model with conditions is refused; `save_tflite` and
    `save_serving` export it.

    Args:
        model: built and trained tfvae model of images [H, W, 1 or 3], with a continuous latent vector and without
            conditions.
        folder: directory to write.
        runtime: directory node_modules with @litertjs/core and @litertjs/wasm-utils; None to search the current
            directory and its parents.
        images: examples, [N, H, W, C], that show which units are active; None for draws from the model.
        labels: class labels of the examples, [N], or None.
        overwrite: True to replace the folder if an earlier export made it.

    Returns:
        folder: path of the directory.

    Raises:
        UserError: if the model is of another kind, the runtime is not found, or the folder exists or is not an export.

    Example:
        tfvae.export.save_web(model, "page", images=x, labels=y)
    """
    folder = Path(folder)
    check = functools.partial(check_target, folder, overwrite, WEB)
    check_exportable(model)
    if isinstance(model, Conditional):
        raise UserError(
            "the page has no place for a condition",
            expected="a model without one, such as VAE",
            received=type(model).__name__,
            fix="export a TFLite file or a SavedModel (--format tflite or saved_model), which take it",
        )
    infers = isinstance(model, Inferential)
    shape, latents = model.event_shape, model.posterior_head if infers else getattr(model, "prior_head", None)
    if latents is None or (
        len(shape) != 3
        or shape[2] not in (1, 3)
        or len(latents.event_shape) != 1
        or latents.value_kind != "continuous"
    ):
        raise UserError(
            "the page shows images with a continuous latent vector",
            expected="examples [H, W, 1 or 3] and latents [units]",
            received=f"{list(shape)}"
            + (f" and {latents.value_kind} {list(latents.event_shape)}" if latents else ", no latents"),
        )
    modules = _modules(runtime)
    check()
    if infers:
        page = _page(model, parity.examples(model, 1000).x if images is None else images, labels)
    else:
        page = _facts(model, range(model.latent_size), [])
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with replacing_directory(folder, check) as temporary:
            (temporary / "runtime" / "wasm").mkdir(parents=True)
            for source, target in VENDORED.items():
                shutil.copyfile(modules / source, temporary / "runtime" / target)
            shutil.copyfile(Path(__file__).with_name("index.html"), temporary / "index.html")
            save_tflite(model, temporary / "model.tflite", fixed_batch=1)
            (temporary / "page.json").write_text(json.dumps(page), "utf-8")
    return folder


def _page(model: Any, images: np.ndarray, labels: np.ndarray | None) -> dict[str, Any]:
    codes = np.concatenate(
        [model.encode(images[start : start + 500]) for start in range(0, len(images), 500)]
    )
    order = np.argsort(-evaluation.active_units(model, images).variance)
    classes: Any = [] if labels is None else np.unique(labels)
    directions = [
        {"name": str(name), "direction": (codes[labels == name].mean(0) - codes.mean(0)).tolist()}
        for name in classes
    ]
    return _facts(model, order.tolist(), directions)


def _facts(model: Any, units: Sequence[int], attributes: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns what the page has to know: units that have sliders, the first ones alone, and attributes."""
    return {
        "image": list(model.event_shape),
        "latent_size": model.latent_size,
        "units": list(units[:NUM_SLIDERS]),
        "attributes": attributes,
    }


def _modules(runtime: str | os.PathLike[str] | None) -> Path:
    """Returns the directory @litertjs of the runtime."""
    here = Path.cwd()
    roots = [Path(runtime)] if runtime else [folder / "node_modules" for folder in (here, *here.parents)]
    for root in roots:
        if all((root / "@litertjs" / name).is_file() for name in VENDORED):
            return root / "@litertjs"
    raise UserError(
        "the LiteRT runtime for browsers is not installed",
        expected="node_modules with @litertjs/core and @litertjs/wasm-utils",
        received=f"none in {roots[0]}" + ("" if runtime else " or above"),
        fix="`npm install @litertjs/core`, or name the folder",
    )
