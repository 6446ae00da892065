"""Images from TensorFlow Datasets: prepared data sets from disk, others by download.

TensorFlow is imported only to read a prepared data set, so that errors come early.
"""

from __future__ import annotations

import difflib
import os
import re
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfvae.checks import UserError
from tfvae.training import quiet_tensorflow
from tfvae.training.data.found import Arrays, Found

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

_SPLITS = {"train": "train", "validation": "validation", "valid": "validation", "test": "test"}
_ANSWER_WITHIN = 4.5  # seconds from the call to "the network does not answer", imports included
_PROBE = (1.0, 3.0)  # least and most seconds to wait for the network
_ROWS = 1000  # examples read at a time
_ANY_URL = "https://www.tensorflow.org/datasets"


def data_dir() -> str | None:
    """Returns the folder of prepared data sets from the environment, or None for TFDS' default."""
    return os.environ.get("TFDS_DATA_DIR") or None


def prepared() -> list[str]:
    """Returns the names of the image data sets that are prepared locally, without importing TFDS."""
    root = Path(data_dir() or "~/tensorflow_datasets").expanduser()
    found = set()
    for depth in ("*/*", "*/*/*"):
        for features in root.glob(f"{depth}/features.json"):
            variant = features.parent
            complete = "incomplete" not in variant.name and (variant / "dataset_info.json").exists()
            if complete and '"image"' in features.read_text(errors="replace"):
                found.add(variant.parent.relative_to(root).as_posix())
    return sorted(found)


def read(name: str) -> Found:
    """Reads a data set into memory, preparing it first if need be.

    Args:
        name: name in TFDS: `name`, `name/config` or `name:version`.

    Returns:
        found: images with pixels as stored, and labels with their names, in the order of the files.

    Raises:
        UserError: if the name is unknown, the data set has no `image` of one shape [H, W, C], it lacks a train or test
            split, or its files are damaged. Also if it is not prepared and cannot be; if the network does not answer,
            this error comes within 5 seconds.
    """
    deadline = time.monotonic() + _ANSWER_WITHIN
    builder = _builder(name)
    features = dict(builder.info.features)
    image = features.get("image")
    if image is None or len(image.shape or ()) != 3 or None in image.shape:
        raise UserError(
            f"data set {name} is no set of images of one shape",
            expected="a feature `image` of shape [H, W, C]",
            received=f"{name} with {', '.join(features)}" if image is None else f"shape {image.shape}",
        )
    if not (os.path.exists(builder.data_path) and builder.is_prepared()):
        _prepare(name, builder, deadline)
    splits = {_SPLITS[split]: split for split in builder.info.splits if split in _SPLITS}
    if not {"train", "test"} <= set(splits):
        raise UserError(
            f"data set {name} lacks a split",
            expected="splits train and test",
            received=", ".join(builder.info.splits) or "none",
        )
    parts: dict[str, Arrays] = {
        ours: (*_read_split(name, builder, theirs), None) for ours, theirs in splits.items()
    }
    labelled = parts["train"][1] is not None
    names = tuple(getattr(features["label"], "names", None) or ()) if labelled else ()
    return Found(parts, label_names=() if all(map(str.isdigit, names)) else names)


def _builder(name: str) -> tfds.core.DatasetBuilder:
    import tensorflow_datasets as tfds

    folder = data_dir()
    names = tfds.list_builders(with_community_datasets=False)
    base = re.split("[/:]", name)[0]
    if not base or not (base in names or (folder and os.path.isdir(os.path.join(folder, base)))):
        closest = difflib.get_close_matches(base.lower(), ["digits", *names], n=5, cutoff=0.5)
        raise UserError(
            f"unknown data set {name!r}",
            expected="digits, a file that ends in .npz, .npy or .csv, or a TFDS image data set"
            + (f" (closest names: {', '.join(closest)})" if closest else ""),
            fix=f"write ./{name} for the folder" if os.path.isdir(name) else None,
        )
    try:
        return tfds.builder(name, data_dir=folder)
    except (ValueError, AssertionError, TypeError, ImportError) as error:
        raise UserError(f"TFDS cannot make data set {name!r}", received=str(error)) from error


def _prepare(name: str, builder: tfds.core.DatasetBuilder, deadline: float) -> None:
    """Downloads and prepares a data set, after a check that the network answers at all."""
    what = f"data set {name} is not prepared in {builder.data_dir_root}"
    fix = f"prepare it elsewhere with `tfds build {name}` and set TFDS_DATA_DIR to the folder that holds it"
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        raise UserError(f"{what} and has files that must be fetched by hand", fix=fix)
    url = next((url for url in builder.url_infos or () if url.startswith("http")), _ANY_URL)
    seconds = min(max(deadline - time.monotonic(), _PROBE[0]), _PROBE[1])
    if not _answers(url, seconds):
        raise UserError(
            f"{what} and the network does not answer",
            received=f"no answer from {url}",
            fix=fix,
        )
    try:
        builder.download_and_prepare()
    except Exception as error:  # the builder is foreign code that may fail in any way
        raise UserError(f"{what} and preparing it failed", received=repr(error), fix=fix) from error


def _answers(url: str, seconds: float) -> bool:
    """Returns whether anything answers at a URL in time. It uses a thread, because a name lookup has no timeout."""
    answered = threading.Event()

    def ask() -> None:
        try:
            urllib.request.urlopen(url, timeout=seconds).close()
        except urllib.error.HTTPError as error:
            if error.code >= 500:
                return
        except (OSError, ValueError):
            return
        answered.set()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answered.is_set()


def _read_split(
    name: str, builder: tfds.core.DatasetBuilder, split: str
) -> tuple[np.ndarray, np.ndarray | None]:
    tf = quiet_tensorflow.tensorflow()
    import tensorflow_datasets as tfds

    features, count = dict(builder.info.features), builder.info.splits[split].num_examples
    image, label = features["image"], features.get("label")
    arrays = {"image": np.empty((count, *image.shape), image.np_dtype)}
    if label is not None and label.shape == () and np.issubdtype(label.np_dtype, np.integer):
        arrays["label"] = np.empty(count, np.int64)
    options = tf.data.Options()
    options.autotune.enabled = False
    options.deterministic = True
    examples = builder.as_dataset(
        split=split,
        shuffle_files=False,
        read_config=tfds.ReadConfig(
            options=options,
            interleave_cycle_length=1,
            num_parallel_calls_for_decode=4,
            try_autocache=False,
            skip_prefetch=True,
        ),
    )
    if features.keys() != arrays.keys():
        examples = examples.map(lambda example: {key: example[key] for key in arrays})
    try:
        start = 0
        for batch in examples.batch(_ROWS).as_numpy_iterator():
            for key, rows in batch.items():
                arrays[key][start : start + len(rows)] = rows
            start += _ROWS
    except tf.errors.OpError as error:
        raise UserError(
            f"the prepared files of data set {name} are damaged",
            received=error.message.splitlines()[0],
            fix=f"remove {builder.data_path} and prepare it again with `tfds build {name}`",
        ) from error
    return arrays["image"], arrays.get("label")
