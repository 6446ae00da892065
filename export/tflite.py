"""One TFLite file for devices, compared with the model before it is kept."""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfvae import evaluation
from tfvae.checks import UserError, positive_int
from tfvae.examples import Examples
from tfvae.export import parity
from tfvae.export.convert import convert, does_not_run
from tfvae.export.directories import disk_errors, replacing_file
from tfvae.export.inputs import row_seeds
from tfvae.export.layouts import TFLITE, check_target
from tfvae.export.on_device import Damaged, OnDevice
from tfvae.export.precision import in_float32
from tfvae.export.quantization import check_quantization
from tfvae.export.signatures import NUM_SAMPLES, Signature, check_exportable, signatures, warn_if_untrained
from tfvae.models.base_vae import BaseVAE
from tfvae.models.conditional import Conditional
from tfvae.models.implicit import ImplicitModel

ELBO_LIMIT = 0.1  # nats
NUM_IMAGES = 1000
GROSS = {"float16": 0.01, "dynamic": 0.25}  # relative root mean square; a correct file stays far below


@dataclass(frozen=True)
class Report:
    """Results of the comparison between a file and its model.

    Attributes:
        path: path of the file.
        size: size of the file, bytes.
        difference: largest relative difference between outputs of the file and of the model, see `parity.difference`;
            for a quantised file a relative root mean square.
        elbo_change: mean ELBO of the file minus that of the model, nats; None if the file is not quantised, or
            has no log_prob.
        images: description of the examples for the ELBO; None if the file is not quantised.
    """

    path: Path
    size: int
    difference: float
    elbo_change: float | None
    images: str | None


def save_tflite(
    model: keras.Model,
    path: str | os.PathLike[str],
    quantization: str | None = None,
    *,
    fixed_batch: int | None = None,
    num_samples: int = NUM_SAMPLES,
    images: Any = None,
    force: bool = False,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> Report:
    """Writes the model to a TFLite file with the signatures decode, encode, log_prob, reconstruct and sample.

    A model with conditions also has the signature predict. A regressor has only predict and log_prob, a generator
    without a likelihood sample, decode and, with a discriminator, discriminate.

    The file uses only built-in operations. Its signatures share their weights, and the batch may have any size. The
    file is then run in LiteRT, and each signature is compared with the model. A file that disagrees is removed.

    Args:
        model: built and trained tfvae model.
        path: file to write.
        quantization: None or "none", "float16" for half the size, or "dynamic" for 8-bit weights. "int8" is refused
            with the reason.
        fixed_batch: number of rows of each call, for delegates that need fixed shapes; None for any number.
        num_samples: number of particles K of the signature `log_prob`.
        images: examples, [N, *event_shape], of which the first 1,000 measure the ELBO of a quantised file. For a model
            with conditions, `Examples` or the pair (condition, x). None for draws from the model.
        force: True to keep a quantised file whose ELBO differs by more than 0.1 nats.
        overwrite: True to replace the file if an earlier export made it.
        say: function that receives one line about the ELBO of a quantised file.

    Returns:
        report: results of the comparison.

    Raises:
        UserError: if the model cannot be exported or converted, the file exists or is not an export, its outputs differ
            from the model's, or the disk is full.

    Example:
        report = tfvae.export.save_tflite(model, "model.tflite", quantization="float16")
        print(report.size, report.elbo_change)
    """
    path = Path(path)
    check = functools.partial(check_target, path, overwrite, TFLITE)
    quantization = check_quantization(quantization)
    if fixed_batch is not None:
        positive_int("fixed_batch", fixed_batch)
    if importlib.util.find_spec("ai_edge_litert") is None:
        raise UserError("a TFLite file cannot be checked without LiteRT", fix="`pip install tfvae[litert]`")
    check_exportable(model)
    warn_if_untrained(model)
    chosen = None if images is None else evaluation.as_examples(model, images)
    model = in_float32(model)
    table = signatures(model, num_samples, fixed_batch)
    del table["serving_default"]
    check()
    content = convert(model, table, quantization)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing_file(path, check) as temporary:
            temporary.write_bytes(content)
            try:
                report = _check(model, table, temporary, quantization, chosen, force, say, path)
            except Damaged as error:
                raise does_not_run(error.__cause__ or error, model, table) from error
    return report


def _check(
    model: Any,
    table: Mapping[str, Signature],
    file: Path,
    quantization: str,
    images: Examples | None,
    force: bool,
    say: Callable[[str], None],
    path: Path,
) -> Report:
    device = OnDevice(file)
    exact = parity.reader_of(table)
    requests = parity.requests(model, table)
    plain = _draws_without_weights(model)
    if quantization == "none":
        limits = parity.tolerance if plain else lambda output: parity.TOLERANCE
        worst = parity.compare("the TFLite file", exact, device.read, requests, limits)
        return Report(path, file.stat().st_size, worst, None, None)
    fine = parity.TOLERANCE_OF if plain else {}
    worst = parity.compare(
        f"the {quantization} file",
        exact,
        device.read,
        requests,
        lambda output: fine.get(output, GROSS[quantization]),
        parity.rms_difference,
    )
    if "log_prob" not in table:
        return Report(path, file.stat().st_size, worst, None, None)
    source = f"{NUM_IMAGES} draws from the model"
    if images is None:
        chosen = parity.examples(model, NUM_IMAGES, seed=3)
    else:
        chosen = images[:NUM_IMAGES]
        source = f"{len(chosen)} images"
    change = elbo_change(exact, device, chosen)
    say(f"{quantization}: the ELBO changes by {change:+.4f} nats on {source}")
    if not abs(change) <= ELBO_LIMIT and not force:
        raise UserError(
            f"the {quantization} file changes the ELBO too much",
            expected=f"at most {ELBO_LIMIT} nats on {source}",
            received=f"{change:+.3f}",
            fix="choose float16 or none, or keep it with force (--force)",
        )
    return Report(path, file.stat().st_size, worst, change, source)


def _draws_without_weights(model: Any) -> bool:
    """Returns whether draws from the prior use no weights, so that quantisation cannot change them."""
    prior_alone = isinstance(model, (BaseVAE, ImplicitModel)) and not isinstance(model, Conditional)
    return prior_alone and len(model.latent_shapes) == 1 and not model.prior_head.weights


def elbo_change(exact: parity.Reader, device: OnDevice, images: Examples, batch: int = 50) -> float:
    """Returns the mean ELBO on the device minus that of the model, in nats, with the same noise for both.

    Args:
        exact: reader of the model.
        device: reader of the file.
        images: examples that are scored.
        batch: number of examples scored at once.

    Returns:
        change: nats; for a regressor the change of log p(x|c).
    """
    change, count = 0.0, len(images)
    takes = device.inputs["log_prob"]
    output = "elbo" if "seed" in takes else "log_prob"
    for start in range(0, count, batch):
        request = dict(images[start : start + batch].arguments())
        if "seed" in takes:
            request["seed"] = row_seeds(start, len(request["x"]))
        change += float(np.sum(device.read("log_prob", request)[output] - exact("log_prob", request)[output]))
    return change / count
