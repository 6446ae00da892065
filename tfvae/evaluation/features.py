"""A feature space that needs no download: a small classifier trained on the data's own labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from tfvae.checks import UserError

WIDTH = 64  # features
STEPS, BATCH = 2000, 64  # training steps, examples in a step
ROWS_PER_BLOCK = 1000


def train_features(
    images: ArrayLike, labels: ArrayLike, seed: int = 0, name: str = "features"
) -> keras.Model:
    """Trains a small classifier. The rectified units of its last hidden layer are the features.

    Images pass two convolutions with stride 2, vectors two dense layers. Adam takes 2,000 steps of 64 examples. Weights
    and order of the examples are functions of the seed. No global seed is read or set.

    Args:
        images: images [N, H, W, C] or vectors [N, D], binarised if the samples will be.
        labels: class labels, integers [N], at least two different ones.
        seed: non-negative 32-bit integer that determines weights and order.
        name: name of the model, which is saved with it.

    Returns:
        model: Keras model from a batch to {"features": [B, 64], "logits": [B, classes]}, with classes in ascending
            order of label.

    Raises:
        UserError: if images and labels do not fit each other, or all labels are equal.
    """
    images, labels = np.asarray(images, np.float32), np.asarray(labels)
    if images.ndim not in (2, 4) or labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        raise UserError(
            "images and labels do not fit",
            expected="images [N, H, W, C] or vectors [N, D], and integers [N]",
            received=f"shape {images.shape}, and {labels.dtype} of shape {labels.shape}",
        )
    classes, targets = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise UserError("a classifier needs several labels", expected="at least 2", received=len(classes))
    model = _network(images.shape[1:], len(classes), seed, name)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, STEPS)),
        loss={"features": None, "logits": keras.losses.SparseCategoricalCrossentropy(from_logits=True)},
        jit_compile=False,
    )
    for rows in _batches(len(images), seed):
        model.train_on_batch(images[rows], {"logits": targets[rows]})
    return model


def embed(model: keras.Model, images: np.ndarray) -> dict[str, np.ndarray]:
    """Returns features and logits of images, block by block.

    Args:
        model: classifier from `train_features`.
        images: images [N, H, W, C] or vectors [N, D].

    Returns:
        outputs: {"features": [N, 64], "logits": [N, classes]}.
    """
    parts = [
        model(np.asarray(images[start : start + ROWS_PER_BLOCK], np.float32), training=False)
        for start in range(0, len(images), ROWS_PER_BLOCK)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in ("features", "logits")}


def _network(shape: tuple[int, ...], classes: int, seed: int, name: str) -> keras.Model:
    seeds = iter(np.random.SeedSequence([seed, 1]).generate_state(4))

    def options(activation: str = "relu") -> dict[str, Any]:
        start = keras.initializers.HeUniform(seed=int(next(seeds)))
        return {"activation": activation, "kernel_initializer": start, "dtype": "float32"}

    inputs = keras.Input(shape, dtype="float32")
    if len(shape) == 3:
        hidden = keras.layers.Conv2D(32, 3, 2, "same", **options())(inputs)
        hidden = keras.layers.Conv2D(64, 3, 2, "same", **options())(hidden)
        hidden = keras.layers.Flatten()(hidden)
    else:
        hidden = keras.layers.Dense(128, **options())(inputs)
        hidden = keras.layers.Dense(128, **options())(hidden)
    features = keras.layers.Dense(WIDTH, **options())(hidden)
    logits = keras.layers.Dense(classes, **options("linear"))(features)
    return keras.Model(inputs, {"features": features, "logits": logits}, name=name)


def _batches(count: int, seed: int) -> Iterator[np.ndarray]:
    """Yields the rows of each training batch: shuffles of the examples, one after the other, in equal batches."""
    generator = np.random.default_rng([seed, 2])
    size, stream = min(BATCH, count), np.zeros(0, np.int64)
    for _ in range(STEPS):
        if len(stream) < size:
            stream = np.concatenate([stream, generator.permutation(count)])
        rows, stream = stream[:size], stream[size:]
        yield rows
