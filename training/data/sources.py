"""The kinds of data sets, in one table: which names each takes, and how it is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfvae.training.data import digits, folder, ica, npy, npz, ring, table, tfds_images
from tfvae.training.data.found import Found


@dataclass(frozen=True)
class Source:
    """A kind of data set.

    Attributes:
        takes: function of a name that returns whether it is one of this kind.
        read: function of the name and of the options that returns what is there.
        told: function that returns a line about it.
        options: names of the arguments of `load` that `read` takes beside the name.
        of: what an error calls the data sets of this kind.
        path: whether the name is a path.
        customary: whether grey pixels are binarised by custom, whatever they look like.
    """

    takes: Callable[[str], bool]
    read: Callable[..., Found]
    told: Callable[[], str]
    options: tuple[str, ...] = ()
    of: str = ""
    path: bool = False
    customary: bool = False


def is_folder(name: str) -> bool:
    """Returns whether a name is a path of a folder, there or not: with a dot or a slash in front, or one at the end."""
    if name.startswith((".", os.sep)) or name.endswith(os.sep):
        return True
    return os.sep in name and os.path.isdir(name)


def _ends_with(ending: str) -> Callable[[str], bool]:
    return lambda name: name.endswith(ending)


def _tfds() -> str:
    local = ", ".join(tfds_images.prepared()) or "none"
    place = tfds_images.data_dir() or "TFDS' default folder (TFDS_DATA_DIR is not set)"
    return f"any TFDS image data set by name; prepared in {place}: {local}"


SOURCES = (
    Source(
        "digits".__eq__,
        lambda name: digits.read(),
        lambda: "digits: 1,797 grey 8x8 digits of scikit-learn, no download",
        customary=True,
    ),
    Source(
        "ring".__eq__,
        lambda name: ring.read(),
        lambda: "ring: points of the plane, z/10 + z/|z| of standard normal z; for preset ring",
    ),
    Source(
        "ica".__eq__,
        lambda name: ica.read(),
        lambda: (
            "ica: vectors of 4 numbers, independent Laplace sources that one matrix mixes; for preset nce-ica"
        ),
    ),
    Source(
        _ends_with(".npz"),
        npz.read,
        lambda: (
            "FILE.npz: arrays x_train, x_test, optionally x_valid, images or vectors, and y_* (labels), "
            "label_names, c_* (--condition array)"
        ),
        path=True,
    ),
    Source(
        _ends_with(".npy"),
        npy.read,
        lambda: "FILE.npy: one array of images [N, H, W] or [N, H, W, C], or of vectors [N, D]",
        path=True,
    ),
    Source(
        _ends_with(".csv"),
        table.read,
        lambda: (
            "FILE.csv: a table with a header; text becomes one-hot categories, --label-column names the classes"
        ),
        options=("label_column",),
        of="a .csv file",
        path=True,
    ),
    Source(
        is_folder,
        folder.read,
        lambda: (
            "FOLDER/: images, one a file; sub-folders are classes, or train/ and test/; --image-size resizes them"
        ),
        options=("image_size",),
        of="a folder of images",
        path=True,
    ),
    Source(lambda name: True, tfds_images.read, _tfds),
)


def of(name: str) -> Source:
    """Returns the source that takes a name, the first in the table that does."""
    return next(source for source in SOURCES if source.takes(name))


def located(name: str) -> str:
    """Returns the name of a data set that is the same from any directory: paths become absolute."""
    return os.path.abspath(name) + os.sep * name.endswith(os.sep) if of(name).path else name


def takers(option: str) -> str:
    """Returns which data sets an argument of `load` is for."""
    return " or ".join(source.of for source in SOURCES if option in source.options)


def read(name: str, given: dict[str, Any]) -> Found:
    """Reads a data set with the arguments of `load` that its source takes."""
    source = of(name)
    return source.read(name, **{option: given[option] for option in source.options})
