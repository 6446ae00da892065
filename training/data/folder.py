"""Images in a folder: one file an image, sub-folders for classes, and train/ and test/ where it has them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tfvae import memory
from tfvae.checks import UserError
from tfvae.training.data.found import WHOLE, Arrays, Found

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
SPLITS = {
    "train": "train",
    "valid": "validation",
    "validation": "validation",
    "val": "validation",
    "test": "test",
}
THREADS = 4
_GREY = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"}  # modes of Pillow with one channel
_DEEP = {"I", "I;16", "I;16B", "I;16L", "I;16N"}  # of them, those of 16 bits


def read(path: str, image_size: Sequence[int] | None = None) -> Found:
    """Reads the images of a folder, in the order of their names.

    Sub-folders are classes, numbered in the order of their names, which are kept; images below them, however deep,
    belong to them. If the folder has sub-folders `train` and `test`, and optionally one of `valid`, `validation` and
    `val`, these are the splits, each laid out like a folder of its own. Files whose endings are not those of images are
    left out.

    Images are grey if all of them are, otherwise RGB; transparent pixels are laid on white, 16 bits become 8, and
    photographs stand upright.

    Args:
        path: the folder.
        image_size: (height, width) or (side,), pixels, to which images are cropped around their middle, as little as
            the proportions ask for, and resized; None where all have one size.

    Raises:
        UserError: if there is no such folder or it holds no images; if it has several sub-folders for validation; if a
            file is no image, images differ in size, or images lie beside sub-folders of images.
    """
    root = Path(path)
    if not root.is_dir():
        raise UserError(f"there is no folder {path}", expected="a folder of images")
    folders = {
        entry.name: entry for entry in sorted(root.iterdir()) if entry.is_dir() and entry.name[0] != "."
    }
    if {"train", "test"} <= set(folders):
        held_out = [name for name in folders if SPLITS.get(name) == "validation"]
        if len(held_out) > 1:
            raise UserError(
                f"{path} has several sub-folders for validation",
                expected="one of them",
                received=", ".join(held_out),
            )
        parts = {SPLITS[name]: _by_class(folder) for name, folder in folders.items() if name in SPLITS}
    else:
        parts = {WHOLE: _by_class(root)}
    names = sorted({name for classes in parts.values() for name in classes})
    if "" in names and len(names) > 1:
        raise UserError(
            f"{path} has images beside sub-folders of images",
            expected="all images in sub-folders, whose names are labels, or none",
            received=f"{len(next(classes[''] for classes in parts.values() if '' in classes)):,} beside them",
        )
    files = [file for classes in parts.values() for name in names for file in classes.get(name, [])]
    if not files:
        raise UserError(f"folder {path} holds no images", expected=f"files that end in {', '.join(ENDINGS)}")
    images = _images(files, _size(image_size))
    splits: dict[str, Arrays] = {}
    start = 0
    for split, classes in parts.items():
        counts = [len(classes.get(name, [])) for name in names]
        rows = slice(start, start := start + sum(counts))
        labels = np.repeat(np.arange(len(names)), counts).astype(np.int64) if len(names) > 1 else None
        splits[split] = images[rows], labels, None
        if not sum(counts):
            raise UserError(f"the sub-folder of {path} for {split} holds no images", expected="at least one")
    return Found(splits, label_names=tuple(names) if len(names) > 1 else ())


def _by_class(folder: Path) -> dict[str, list[Path]]:
    """Returns the images below a folder by the name of the sub-folder; under "" those that lie in none."""
    classes: dict[str, list[Path]] = {}
    for entry in sorted(folder.iterdir()):
        if entry.name[0] == ".":
            continue
        if entry.is_dir():
            below = [
                Path(at) / name
                for at, folders, names in os.walk(entry)
                for name in names
                if name[0] != "." and Path(name).suffix.lower() in ENDINGS
            ]
            if below:
                classes[entry.name] = sorted(below)
        elif entry.suffix.lower() in ENDINGS:
            classes.setdefault("", []).append(entry)
    return classes


def _size(image_size: Sequence[int] | None) -> tuple[int, int] | None:
    """Returns height and width."""
    return None if image_size is None else (image_size[0], image_size[-1])


def _images(files: Sequence[Path], size: tuple[int, int] | None) -> np.ndarray:
    """Reads images, [N, H, W, C] of bytes."""
    first = _image(files[0], size)
    memory.check(
        f"{len(files):,} images of {first.shape[0]} x {first.shape[1]}", float(first.size) * len(files)
    )
    with ThreadPoolExecutor(THREADS) as pool:
        images = list(pool.map(lambda file: _image(file, size), files))
    shapes = Counter(image.shape[:2] for image in images)
    if len(shapes) > 1:
        usual = shapes.most_common(1)[0][0]
        odd = next(index for index, image in enumerate(images) if image.shape[:2] != usual)
        raise UserError(
            "the images differ in size",
            expected=f"one size, such as {usual[0]} x {usual[1]} (height x width)",
            received=f"{images[odd].shape[0]} x {images[odd].shape[1]} in {files[odd]}",
            fix="give them one with --image-size",
        )
    channels = max(image.shape[2] for image in images)
    stored = np.empty((len(images), *images[0].shape[:2], channels), np.uint8)
    for place, image in zip(stored, images, strict=True):
        place[...] = image
    return stored


def _image(file: Path, size: tuple[int, int] | None) -> np.ndarray:
    """Reads one image, [H, W, 1] if it is grey, [H, W, 3] otherwise."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode == "F":
                raise ValueError("its pixels are floats")
            grey = image.mode in _GREY
            if image.mode in _DEEP:
                image = Image.fromarray(np.clip(np.asarray(image) / 257 + 0.5, 0, 255).astype(np.uint8))
            elif image.has_transparency_data:
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
            image = image.convert("L" if grey else "RGB")
            if size is not None:
                image = ImageOps.fit(image, (size[1], size[0]), Image.Resampling.LANCZOS)
            array = np.asarray(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        told = str(error) if str(file) not in str(error) else type(error).__name__
        raise UserError(
            f"{file} is no image that can be read", received=told, fix="repair or remove it"
        ) from error
    return array[..., np.newaxis] if grey else array
