"""The settings of a run that say what it is trained on."""

from __future__ import annotations

from dataclasses import dataclass

from tfvae.checks import LARGEST_INT
from tfvae.training import defaults
from tfvae.training.data import BINARIZE, STANDARDIZE
from tfvae.training.defaults import of_preset
from tfvae.training.settings import setting


@dataclass(frozen=True)
class DataSettings:
    """The data set, what is taken of it, and how its numbers become those that a model sees."""

    dataset: str = setting(
        "Data set to train on: digits, ring, ica, the name of a TFDS image data set, or a path: FILE.npz with arrays "
        "x_train and x_test, and optionally x_valid, labels y_* and conditions c_*; FILE.npy with one array; FILE.csv, "
        "a table with a header; FOLDER/ of images. `tfvae info` says more.",
        "data",
        **of_preset("dataset"),
        metavar="NAME|PATH",
    )
    label_column: str | None = setting(
        "Column of FILE.csv that holds the class of each row. It is not modelled.",
        "data",
        default=None,
        default_text="none, every column is modelled",
        metavar="NAME",
        absent=None,
        title="Column of labels",
        quiet=None,
    )
    image_size: list | None = setting(  # noqa: RUF009
        "Pixels, one number for both sides or height and width, to which the images of a folder are cropped around "
        "their middle and resized.",
        "data",
        default=None,
        default_text="none, images have one size",
        metavar="PIXELS",
        absent=None,
        title="Images resized to",
        text="{image_size} pixels",
        quiet=None,
    )
    limit: int | None = setting(
        "Most examples of each split, the first of a fixed shuffle: enough to see whether everything runs.",
        "data",
        default=None,
        default_text="all",
        ends=(2, LARGEST_INT),
        absent=None,
        title="Most examples of a split",
        quiet=None,
    )
    standardize: str = setting(
        "How the columns of vectors are scaled. Samples are given in the units of the file.",
        "data",
        default="none",
        default_text="columns for the vectors of a file, otherwise none",
        choices=STANDARDIZE,
        absent="none",
        title="Scaling",
        quiet="none",
    )
    binarize: str = setting(
        "How grey values become black or white.",
        "data",
        default=defaults.binarize,
        default_text="dynamic for a bernoulli likelihood, otherwise none",
        choices=BINARIZE,
        title="Binarisation",
    )
