"""A SavedModel that TensorFlow Serving loads."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import VERSIONS, UserError, positive_int
from tfvae.export import metadata, warmup
from tfvae.export.directories import disk_errors, replacing_directory
from tfvae.export.layouts import SAVED_MODEL, check_target
from tfvae.export.precision import in_float32
from tfvae.export.signatures import NUM_SAMPLES, Signature, check_exportable, signatures, warn_if_untrained

BATCH_SIZES = (1, 4, 16, 64)  # sizes to which a server pads batches; the last one is the largest batch

BATCHING = """\
# Read with --enable_batching --enable_per_model_batching_parameters.
max_batch_size {{ value: {largest} }}
{allowed}
batch_timeout_micros {{ value: 1000 }}
max_enqueued_batches {{ value: 1000 }}
"""


def save_serving(
    model: keras.Model,
    base_dir: str | os.PathLike[str],
    version: int = 1,
    *,
    num_samples: int = NUM_SAMPLES,
    overwrite: bool = False,
    warmup_batch_sizes: Sequence[int] = BATCH_SIZES,
) -> Path:
    """Writes the model to base_dir/version for TensorFlow Serving, completely or not at all.

    The directory holds the SavedModel with each weight once, batching_params.pbtxt, signatures.json and warm-up
    requests for each signature and batch size. signatures.json describes the inputs and outputs of each signature, with
    example requests. Loading takes neither Keras nor Python. The same seeds give the same samples as `model.sample`.

    A running server loads a new version by its number. It does not reload a version that it has loaded already.

    Args:
        model: built and trained tfvae model.
        base_dir: directory of all versions, made if it does not exist.
        version: number of this export, a positive integer.
        num_samples: number of particles K of the signature `log_prob`.
        overwrite: True to replace this version if an earlier export made it.
        warmup_batch_sizes: ascending batch sizes to which the server may pad requests.

    Returns:
        path: base_dir/version.

    Raises:
        UserError: if the model cannot be exported, the version exists or is not an export, or the disk is full.

    Example:
        model = tfvae.presets.create("burda-1layer")
        model.fit(x)
        tfvae.export.save_serving(model, "served/tfvae", version=1)

    References:
        TensorFlow Serving: batching guide and SavedModel warm-up guide.
    """
    target = Path(base_dir) / str(positive_int("version", version, VERSIONS))
    check = functools.partial(check_target, target, overwrite, SAVED_MODEL)
    sizes = [positive_int("batch size", size) for size in warmup_batch_sizes]
    if not sizes or sizes != sorted(set(sizes)):
        raise UserError(
            "warmup_batch_sizes is not increasing", expected="such as (1, 4, 16, 64)", received=sizes
        )
    check_exportable(model)
    warn_if_untrained(model)
    model = in_float32(model)
    table = signatures(model, num_samples)
    check()
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing_directory(target, check) as folder:
            write_saved_model(model, table, folder)
            description = metadata.describe(model, table, num_samples=num_samples, batch_sizes=sizes)
            (folder / "signatures.json").write_text(json.dumps(description, indent=1) + "\n", "utf-8")
            (folder / "batching_params.pbtxt").write_text(
                BATCHING.format(
                    largest=sizes[-1],
                    allowed="\n".join(f"allowed_batch_sizes: {size}" for size in sizes),
                )
            )
            warmup.write(table, folder, sizes)
    return target


def write_saved_model(model: Any, table: Mapping[str, Signature], folder: Path) -> None:
    """Writes the SavedModel of some signatures into `folder`, with each weight once."""
    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]
    tf.saved_model.save(module, folder, signatures={name: row.concrete for name, row in table.items()})
