"""One TFLite file for devices, checked against the model before it is left behind."""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfvae import evaluation
from tfvae.checks import UserError, positive_int
from tfvae.export import parity
from tfvae.export.convert import convert, does_not_run
from tfvae.export.directories import disk_errors, replacing_file
from tfvae.export.inputs import row_seeds
from tfvae.export.layouts import TFLITE, check_target
from tfvae.export.on_device import Damaged, OnDevice
from tfvae.export.precision import in_float32
from tfvae.export.quantization import check_quantization
from tfvae.export.signatures import NUM_SAMPLES, check_exportable, signatures, warn_if_untrained
from tfvae.models.base_vae import BaseVAE
from tfvae.models.conditional import Conditional

ELBO_LIMIT = 0.1  # nats
NUM_IMAGES = 1000
GROSS = {"float16": 0.01, "dynamic": 0.25}  # relative, root mean square: what a right file stays far below


@dataclass(frozen=True)
class Report:
    """What `save_tflite` found out about the file that it wrote.

    Attributes:
        path: the file.
        size: bytes.
        difference: the largest difference from the model that any output of any signature showed: of a number, in
            units of itself or 1; where quantised, a root mean square.
        elbo_change: ELBO of the file minus ELBO of the model, nats, mean over the images; None if not quantised.
        images: what the ELBO was compared on.
    """

    path: Path
    size: int
    difference: float
    elbo_change: float | None
    images: str | None


def save_tflite(
    model,
    path: str | os.PathLike,
    quantization: str | None = None,
    *,
    fixed_batch: int | None = None,
    num_samples: int = NUM_SAMPLES,
    images: np.ndarray | None = None,
    force: bool = False,
    overwrite: bool = False,
    say=print,
) -> Report:
    """Writes the model to a TFLite file with the signatures decode, encode, log_prob, reconstruct and sample; with
    predict as well where it has a condition, and that and log_prob alone for a regressor.

    Only built-in operations occur, weights are shared between the signatures, and the batch may have any size. The
    file is then run in LiteRT and each signature compared with the model; a file that disagrees does not stay.

    Args:
        model: a built and trained `tfvae` model.
        path: the file.
        quantization: None or "none"; "float16" for half the size; "dynamic" for 8-bit weights. There is no
            "int8": the error says what it loses.
        fixed_batch: rows of each call, for delegates that need fixed shapes; None for any number.
        num_samples: particles K of the signature `log_prob`.
        images: examples [N, *event_shape] on which a quantised file's ELBO is compared, the first 1,000 of them, or
            the pair (condition, x) for a model that takes it; None for draws from the model itself.
        force: whether to keep a quantised file whose ELBO is more than 0.1 nat off.
        overwrite: whether to replace the file if an earlier export made it.
        say: takes a line about the ELBO of a quantised file.

    Returns:
        report: `Report`.

    Raises:
        UserError: if the model cannot be exported or converted, the file exists or is no export, it disagrees, or the
            disk is full.
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
    chosen = None if images is None else evaluation.as_arrays(model, images)
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


def _check(model, table, file, quantization, images, force, say, path) -> Report:
    device = OnDevice(file)
    exact = parity.reader_of(table)
    requests = parity.requests(model, table)
    plain = _draws_without_weights(model)
    if quantization == "none":
        limits = parity.tolerance if plain else (lambda output: parity.TOLERANCE)
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
    told = f"{NUM_IMAGES} draws from the model"
    if images is None:
        chosen = parity.examples(model, NUM_IMAGES, seed=3)
    else:
        chosen = evaluation.rows(images, 0, NUM_IMAGES)
        told = f"{len(chosen['x'])} images"
    change = elbo_change(exact, device, chosen)
    say(f"{quantization}: the ELBO changes by {change:+.4f} nats on {told}")
    if not abs(change) <= ELBO_LIMIT and not force:
        raise UserError(
            f"the {quantization} file changes the ELBO too much",
            expected=f"at most {ELBO_LIMIT} nats on {told}",
            received=f"{change:+.3f}",
            fix="choose float16 or none, or keep it with force (--force)",
        )
    return Report(path, file.stat().st_size, worst, change, told)


def _draws_without_weights(model) -> bool:
    """Returns whether no weight, and so no quantisation, enters the draws from the prior."""
    prior_alone = isinstance(model, BaseVAE) and not isinstance(model, Conditional)
    return prior_alone and len(model.latent_shapes) == 1 and not model.prior_head.weights


def elbo_change(
    exact: parity.Reader, device: OnDevice, images: Mapping[str, np.ndarray], batch: int = 50
) -> float:
    """Returns the mean ELBO (a regressor's log p(x|c)) on the device minus that of the model, nats, with the same noise
    for both, on examples as `parity.examples` gives them."""
    total, count = 0.0, len(images["x"])
    takes = device.inputs["log_prob"]
    output = "elbo" if "seed" in takes else "log_prob"
    for start in range(0, count, batch):
        request = evaluation.rows(images, start, batch)
        if "seed" in takes:
            request["seed"] = row_seeds(start, len(request["x"]))
        total += float(np.sum(device.read("log_prob", request)[output] - exact("log_prob", request)[output]))
    return total / count
