"""Data sets in memory, split for training, validation and test: images, and vectors of numbers.

    digits        scikit-learn's 8x8 digits, which need no download
    ring          points in the plane, made by formula
    ica           vectors of four mixed sources, made by formula
    FILE.npz      arrays x_train, x_test, optionally x_valid, labels y_* and conditions c_*, see `npz.read`
    FILE.npy      one array
    FILE.csv      a table with a header, see `table.read`
    FOLDER/       images, see `folder.read`
    other names   image data sets of TensorFlow Datasets

This module imports neither TensorFlow nor TFDS. `load` imports them if the data set needs them.
"""

from tfvae.training.data.columns import Column, Columns
from tfvae.training.data.dataset import DataSet, Split
from tfvae.training.data.pipelines import (
    BINARIZE,
    binarize_once,
    condition,
    evaluation_pipeline,
    paired,
    steps_per_epoch,
    training_pipeline,
)
from tfvae.training.data.reading import STANDARDIZE, check_image_size, datasets, load
from tfvae.training.data.sources import located

__all__ = [
    "BINARIZE",
    "STANDARDIZE",
    "Column",
    "Columns",
    "DataSet",
    "Split",
    "binarize_once",
    "check_image_size",
    "condition",
    "datasets",
    "evaluation_pipeline",
    "load",
    "located",
    "paired",
    "steps_per_epoch",
    "training_pipeline",
]
