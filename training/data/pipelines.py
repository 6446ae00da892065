"""From images in memory to batches: binarisation and `tf.data` pipelines that repeat exactly.

Images are stored as uint8 in 0..255 or float32 in [0, 1], and batches are float32 in [0, 1]. Vectors [N, D], float32,
are not changed and not binarised.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from tfvae.checks import UserError, one_of, positive_int

if TYPE_CHECKING:
    import tensorflow as tf

BINARIZE = {
    "dynamic": "drawn afresh from the grey values at every step",
    "static": "drawn once from the grey values",
    "threshold": "white where a grey value is above one half",
    "none": "the values as they are",
}  # name: where the binary values come from
_ROWS = 4096  # images binarised at a time, which bounds the memory of the random numbers


def philox(stream: str, seed: int) -> np.random.Philox:
    """Returns NumPy's Philox bit generator for a stream and a seed. Different streams are independent."""
    return np.random.Philox(key=np.array([zlib.crc32(stream.encode()), seed % 2**64], np.uint64))


def binarize_once(images: np.ndarray, mode: str, seed: int, split: str = "test") -> np.ndarray:
    """Binarises images once, as for held-out data.

        dynamic, static:  x = 1 with probability v, otherwise 0, for a grey value v in [0, 1]
        threshold:        x = 1 if v > 0.5, otherwise 0
        none:             x = v

    Image n gets the same bits whatever images follow it.

    Args:
        images: [N, H, W, C], uint8 in 0..255 or float32 in [0, 1].
        mode: one of `BINARIZE`.
        seed: integer that determines the bits; `threshold` and `none` ignore it.
        split: name of the split. No two splits share noise.

    Returns:
        x: [N, H, W, C], float32 in [0, 1].

    Raises:
        UserError: if the mode is unknown, or the array has another rank or dtype.
    """
    one_of("binarize", mode, BINARIZE)
    _check_images(images)
    generator = np.random.Generator(philox(f"binarize {split}", seed))
    binarized = np.empty(images.shape, np.float32)
    for start in range(0, len(images), _ROWS):
        rows = slice(start, start + _ROWS)
        grey = images[rows] if images.dtype == np.float32 else images[rows] / np.float32(255)
        if mode == "threshold":
            grey = grey > 0.5
        elif mode != "none":
            grey = generator.random(grey.shape) < grey
        binarized[rows] = grey
    return binarized


def steps_per_epoch(num_examples: int, batch_size: int) -> int:
    """Returns the number of batches that hold every example once, ceil(N / B). The last one may be short.

    Example:
        >>> steps_per_epoch(num_examples=10, batch_size=4)
        3
    """
    return -(-num_examples // batch_size)


def training_pipeline(
    images: np.ndarray,
    *,
    batch_size: int,
    seed: int,
    binarize: str,
    start_epoch: int = 0,
    visible: np.ndarray | None = None,
    vectors: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Returns an infinite pipeline of shuffled, binarised batches that can start at any epoch.

    Every epoch visits each image once, in its own order, in ceil(N / B) batches. Order and noise of a batch are
    functions of (seed, epoch, position in the epoch). A pipeline that starts at epoch e therefore continues one that
    started at 0.

    Args:
        images: [N, H, W, C], uint8 in 0..255 or float32 in [0, 1].
        batch_size: number of images B in a batch; the last batch of an epoch may be short.
        seed: 32-bit integer that determines order and noise.
        binarize: mode: `dynamic` draws x ~ Bernoulli(v) at every visit, `static` once before the first; `threshold` and
            `none` as in `binarize_once`.
        start_epoch: number of the first epoch, counted from 0.
        visible, vectors: conditions of the images, see `paired`.

    Returns:
        batches: infinite data set of float32 tensors x [b, H, W, C] in [0, 1], or of pairs (condition, x). H, W and C
            are static.

    Raises:
        UserError: if the mode is unknown, the seed does not fit into 32 bits, the batch is empty or larger than the
            data, the epoch is negative, or the images have another rank or dtype.
    """
    one_of("binarize", binarize, BINARIZE)
    _check_images(images)
    if positive_int("batch size", batch_size) > len(images):
        raise UserError(
            "batch size is larger than the data", expected=f"1 to {len(images)} examples", received=batch_size
        )
    if start_epoch < 0:
        raise UserError("start_epoch is negative", expected="an epoch >= 0", received=start_epoch)

    import tensorflow as tf

    from tfvae.random import as_seed, fold

    key = as_seed(seed)
    dynamic = binarize == "dynamic"
    if binarize in ("static", "threshold"):
        images = binarize_once(images, binarize, seed, "train")
    stored, table = _on_host(images), None if vectors is None else _on_host(vectors)

    def batches_of(epoch: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(images), dtype=tf.int64), fold(key, "order", epoch), alg="philox"
        )
        noise = fold(key, "binarize", epoch)

        def batch(step: tf.Tensor) -> Any:
            rows = order[step * batch_size : (step + 1) * batch_size]
            x = _unit(tf.gather(stored, rows))
            if dynamic:
                x = tf.cast(
                    tf.random.stateless_uniform(tf.shape(x), fold(noise, step), alg="philox") < x, tf.float32
                )
            return paired(x, visible, None if table is None else tf.gather(table, rows))

        return tf.data.Dataset.range(steps_per_epoch(len(images), batch_size)).map(batch)

    epochs = tf.data.Dataset.range(start_epoch, tf.int64.max).flat_map(batches_of)
    return _finished(epochs.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)))


def evaluation_pipeline(
    images: np.ndarray,
    *,
    batch_size: int,
    visible: np.ndarray | None = None,
    vectors: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Returns a finite pipeline over the images in order, without changes. The last batch may be short.

    Args:
        images: [N, H, W, C], uint8 in 0..255 or float32 in [0, 1], binarised by `binarize_once` if need be.
        batch_size: number of images B in a batch.
        visible, vectors: conditions of the images, see `paired`.

    Returns:
        batches: ceil(N / B) float32 tensors x [b, H, W, C] in [0, 1], or pairs (condition, x). H, W and C are static.

    Raises:
        UserError: if the batch size is below 1, or the images have another rank or dtype.
    """
    _check_images(images)
    positive_int("batch size", batch_size)

    import tensorflow as tf

    stored, table = _on_host(images), None if vectors is None else _on_host(vectors)

    def batch(step: tf.Tensor) -> Any:
        rows = slice(step * batch_size, (step + 1) * batch_size)
        return paired(_unit(stored[rows]), visible, None if table is None else table[rows])

    return _finished(tf.data.Dataset.range(steps_per_epoch(len(images), batch_size)).map(batch))


def paired(x: Any, visible: np.ndarray | None = None, vectors: Any = None) -> Any:
    """Returns a batch x for a model without conditions, or the pair (condition, x).

    Args:
        x: binarised images, [b, H, W, C], NumPy or TensorFlow.
        visible: mask [H, W, C] of the pixels that the condition shows; it is 0 elsewhere. None for other conditions.
        vectors: conditions, [b, ...], or None.
    """
    conditions = condition(x, visible, vectors)
    return x if conditions is None else (conditions, x)


def condition(x: Any, visible: np.ndarray | None = None, vectors: Any = None) -> Any:
    """Returns the conditions of a batch, [b, ...], or None for a model without conditions. See `paired`."""
    return vectors if visible is None else x * visible.astype(np.float32)


def _check_images(images: np.ndarray) -> None:
    vectors = images.ndim == 2 and images.dtype == np.float32
    if not vectors and (images.ndim != 4 or images.dtype not in (np.uint8, np.float32)):
        raise UserError(
            "these are no stored images or vectors",
            expected="an array [N, H, W, C], uint8 in 0..255 or float32 in [0, 1], or [N, D], float32",
            received=f"shape {images.shape}, {images.dtype}",
        )


def _on_host(images: np.ndarray) -> tf.Tensor:
    """Returns the images as one host tensor, which the functions of a pipeline capture rather than embed."""
    import tensorflow as tf

    with tf.device("CPU:0"):
        return tf.constant(images)


def _unit(x: tf.Tensor) -> tf.Tensor:
    import tensorflow as tf

    return tf.cast(x, tf.float32) / 255.0 if x.dtype == tf.uint8 else x


def _finished(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Prefetches two batches. Autotuning is off, because its thread delays the end of `fit` by seconds."""
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    options.deterministic = True
    return batches.prefetch(2).with_options(options)
