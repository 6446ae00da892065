"""The three splits of a data set in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from tfvae.checks import UserError
from tfvae.presets import conditions
from tfvae.training.data.columns import Columns

_MADE_OF = {
    "label": ("labels", "label", "y"),
    "array": ("conditions", "condition", "c"),
}  # condition: part of a split
_LEVELS = (2, 17, 256)
_CLASSES = 10_000  # most classes of a label that is a condition: it becomes a one-hot vector of that length


@dataclass(frozen=True, eq=False)
class Split:
    """Examples of one split.

    Args:
        images: images, [N, H, W, C], uint8 in 0..255 or float32 in [0, 1]; or vectors, [N, D], float32.
        labels: class labels, [N], int64, or None.
        conditions: arrays for the condition "array", [N, ...], float32, or None.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    conditions: np.ndarray | None = None

    def __len__(self) -> int:
        """Returns the number of examples, N."""
        return len(self.images)

    def take(self, rows: np.ndarray | slice) -> Split:
        """Returns the examples with these row numbers, in that order."""
        others = (self.labels, self.conditions)
        return Split(self.images[rows], *(None if part is None else part[rows] for part in others))


@dataclass(frozen=True, eq=False)
class DataSet:
    """Three splits that share no example.

    Args:
        name: name that `load` was called with.
        train: examples that a model is fitted to.
        validation: examples held out for choices during training; may be empty.
        test: examples held out for evaluation.
        columns: columns of vectors, with the units in which a model sees them; None where they have none.
        label_names: names of the classes 0, 1, ...; empty where they have none.
        customary: whether its grey pixels are binarised by custom.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    columns: Columns | None = None
    label_names: tuple[str, ...] = ()
    customary: bool = False

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(H, W, C), or (D,) for vectors."""
        return self.train.images.shape[1:]

    def check_condition(self, kind: str) -> None:
        """Checks that every split has the labels or arrays that a kind of condition needs.

        Args:
            kind: one of `tfvae.presets.conditions.KINDS`.

        Raises:
            UserError: if a split lacks them, or labels are negative or too large to be classes.
        """
        if kind not in _MADE_OF:
            return
        part, one, letter = _MADE_OF[kind]
        for name, key in (("train", "train"), ("validation", "valid"), ("test", "test")):
            split = getattr(self, name)
            if getattr(split, part) is None and len(split):
                raise UserError(
                    f"data set {self.name} has no {part} of its {name} split",
                    expected=f"a {one} for each image, as {letter}_{key} in a .npz file",
                    fix="choose another --condition",
                )
            if (
                kind == "label"
                and len(split)
                and not 0 <= split.labels.min() <= split.labels.max() < _CLASSES
            ):
                raise UserError(
                    f"the labels of the {name} split of {self.name} are no classes",
                    expected=f"0 to at most {_CLASSES - 1}",
                    received=f"minimum {split.labels.min()}, maximum {split.labels.max()}",
                    fix="number the classes from 0 on, or give conditions of your own, --condition array",
                )

    def condition_shape(self, kind: str) -> tuple[int, ...]:
        """Returns the shape of one condition. A label gives (classes,), where classes is the highest label plus one."""
        if kind == "array" and self.train.conditions is not None:
            return self.train.conditions.shape[1:]
        if kind != "label":
            return self.image_shape
        labels = [split.labels for split in (self.train, self.validation, self.test)]
        return (1 + max(int(part.max()) for part in labels if part is not None and len(part)),)

    def condition_of(self, kind: str, split: Split) -> dict[str, np.ndarray | None]:
        """Returns the arguments with which the pipelines make conditions, see `paired`.

        Args:
            kind: one of `tfvae.presets.conditions.KINDS`.
            split: one of the splits.

        Returns:
            arguments: {"visible": mask [H, W, C] or None, "vectors": [N, ...] or None}.
        """
        vectors = split.conditions if kind == "array" else None
        if kind == "label":
            vectors = np.zeros((len(split), *self.condition_shape(kind)), np.float32)
            vectors[np.arange(len(split)), split.labels] = 1.0
        return {"visible": conditions.mask(kind, self.image_shape), "vectors": vectors}

    def fingerprint(self) -> str:
        """Returns a SHA-256 of every split's images, labels and conditions, and of the columns, in hexadecimal."""
        digest = hashlib.sha256()
        if self.columns is not None:
            digest.update(repr(self.columns).encode())
        for split in (self.train, self.validation, self.test):
            for array in (split.images, split.labels, split.conditions):
                if array is not None:
                    digest.update(f"{array.shape} {array.dtype}".encode())
                    digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def mean_pixel(self) -> np.ndarray:
        """Returns the mean training image in [0, 1], [H, W, C], or vector: float32."""
        images = self.train.images
        return (images.mean(axis=0, dtype=np.float64) / _white(images)).astype(np.float32)

    def pixel_variance(self, binarize: str) -> np.ndarray:
        """Returns the variance of each pixel over the training images, as a run binarises them: float64.

        Args:
            binarize: binarisation of the run, one of `BINARIZE`.
        """
        images, white = self.train.images, _white(self.train.images)
        if binarize == "threshold":
            mean = (images > 0.5 * white).mean(axis=0)
        else:
            mean = images.mean(axis=0, dtype=np.float64) / white
        if binarize != "none":
            return mean * (1.0 - mean)
        return images.var(axis=0, dtype=np.float64) / white**2

    def is_grey(self) -> bool:
        """Returns whether any pixel of the training images lies strictly between 0 and 1."""
        images = self.train.images
        return bool(((images > 0) & (images < _white(images))).any())

    def greyness(self) -> float:
        """Returns how far the training images are from black and white, mean v (1 - v) / (m (1 - m)).

        v runs over all pixels, from 0 to 1, and m is the mean of v. It is 0 for black and white, 1 for one grey: the
        share of the variance of binarised images that is noise of the binarisation.
        """
        images = self.train.images
        values = images.reshape(-1)[:: 1 + images.size // 10_000_000] / np.float64(_white(images))
        mean = values.mean()
        return float((values * (1.0 - values)).mean() / (mean * (1.0 - mean))) if 0.0 < mean < 1.0 else 0.0

    def label_name(self, label: int) -> str:
        """Returns the name of a class, or its number where it has none."""
        return self.label_names[label] if 0 <= label < len(self.label_names) else str(label)

    def levels(self) -> int | None:
        """Returns the number of equally spaced levels in [0, 1] that hold all pixels; None if there are none.

        It is 256 for 8-bit pixels, otherwise the first of 2, 17 (as in `digits`) and 256 that fits.
        """
        splits = [split.images for split in (self.train, self.validation, self.test)]
        if splits[0].dtype == np.uint8:
            return 256
        return next((count for count in _LEVELS if all(_on_levels(images, count) for images in splits)), None)


def _white(images: np.ndarray) -> int:
    """Returns the stored value of a pixel at full brightness."""
    return 255 if images.dtype == np.uint8 else 1


def _on_levels(images: np.ndarray, count: int) -> bool:
    steps = images * np.float32(count - 1)
    return bool((np.abs(steps - np.rint(steps)) <= 1e-3).all())
