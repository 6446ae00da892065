"""`tfvae export`."""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

from tfvae.checks import LARGEST_INT, PARTICLES, VERSIONS, UserError, positive_int
from tfvae.cli.parsing import add_plain_weights, path

Load = Callable[[], Any]  # of the run's model
ONLY_FOR = {
    "version": "saved_model",
    "quantization": "tflite",
    "fixed_batch": "tflite",
    "force": "tflite",
    "runtime": "web",
}  # option of `export`: the format that takes it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `tfvae export`."""
    parser.add_argument("run_dir", type=path, metavar="RUN_DIR", help="Directory of the run.")
    add = parser.add_argument
    add(
        "--format",
        required=True,
        choices=tuple(EXPORTS),
        help="What to write; web is a page that runs the model in the browser, for models without a condition.",
    )
    add(
        "--out",
        type=path,
        metavar="DIR",
        help="Directory to write to. (default: RUN_DIR/export/FORMAT)",
    )
    add("--overwrite", action="store_true", help="Replace an earlier export.")
    add_plain_weights(parser)
    add("--num-samples", type=int, metavar="K", help="Particles of log_prob. (default: 64)")
    add("--version", type=int, metavar="N", help="saved_model: Number of this version. (default: 1)")
    add(
        "--quantization",
        type=_quantization,
        choices=("none", "float16", "dynamic"),
        help="tflite: Format of the weights. (default: none)",
    )
    add("--fixed-batch", type=int, metavar="N", help="tflite: Rows of each call. (default: any number)")
    add(
        "--force",
        action="store_true",
        help="tflite: Keep a file whose log-densities are more than 0.1 nat off.",
    )
    add(
        "--runtime",
        type=path,
        metavar="DIR",
        help="web: node_modules with @litertjs/core. (default: here or in a folder above)",
    )


def _quantization(text: str) -> str:
    """Returns the name of a quantization; tells why there is no int8."""
    from tfvae.export.quantization import NO_INT8

    if text == "int8":
        raise argparse.ArgumentTypeError(NO_INT8)
    return text


def run(options: argparse.Namespace) -> None:
    """Writes a trained model for TensorFlow Serving, for devices or for the browser."""
    from pathlib import Path

    from tfvae.training.runs import loading, lock
    from tfvae.training.runs.directory import RunDirectory

    given = {name: getattr(options, name) for name in ONLY_FOR if getattr(options, name)}
    for name in given:
        if ONLY_FOR[name] != options.format:
            flag = "--" + name.replace("_", "-")
            raise UserError(f"{flag} is for --format {ONLY_FOR[name]}", received=f"--format {options.format}")
    for name, most in (("num_samples", PARTICLES), ("version", VERSIONS), ("fixed_batch", LARGEST_INT)):
        if getattr(options, name) is not None:
            positive_int("--" + name.replace("_", "-"), getattr(options, name), most)
    run = RunDirectory(options.run_dir)
    config = run.config()
    if options.format == "web" and options.num_samples is not None:
        raise UserError("--num-samples is for --format saved_model or tflite", received="--format web")
    if config.likelihood is None and options.num_samples is not None:
        raise UserError(
            "--num-samples is for log_prob, which a generator without a likelihood has not",
            expected="no --num-samples",
            received=options.num_samples,
        )
    loading.check_plain_weights(config, options.plain_weights)
    out = Path(options.out) if options.out else run.path / "export" / options.format
    given["overwrite"] = options.overwrite
    if options.num_samples is not None:
        given["num_samples"] = options.num_samples
    within = out.resolve().is_relative_to(run.path.resolve())
    with lock.Lock(run.path, "exporting", shared=True) if within else contextlib.nullcontext():
        load = functools.partial(loading.load_model, run, options.plain_weights)
        EXPORTS[options.format](run, config, load, out, given)


def _export_saved_model(run: Any, config: Any, load: Load, out: Any, given: dict[str, Any]) -> None:
    from tfvae.export.layouts import SAVED_MODEL, check_target

    check_target(out / str(given.get("version", 1)), given["overwrite"], SAVED_MODEL)

    model = load()

    from tfvae import export

    path = export.save_serving(model, out, **given)
    print(f"{path}: SavedModel with batching parameters, warm-up requests and signatures.json")
    compose = os.path.join(os.path.dirname(export.__file__), "serving", "compose.yaml")
    print(f"next: MODEL_DIR={out.resolve()} docker compose -f {compose} up")


def _export_tflite(run: Any, config: Any, load: Load, out: Any, given: dict[str, Any]) -> None:
    from tfvae.export.layouts import TFLITE, check_target
    from tfvae.training import quiet_tensorflow

    kind = given.get("quantization", "none")
    suffix = "" if kind == "none" else f"-{kind}"
    path = out if out.suffix == ".tflite" else out / f"model{suffix}.tflite"
    check_target(path, given["overwrite"], TFLITE)

    model = load()
    if kind != "none":
        given["images"] = _test_examples(run, config)[0]

    from tfvae import export

    with quiet_tensorflow.without_notices():
        report = export.save_tflite(model, path, **given)
    print(
        f"{report.path}: {report.size / 1e6:.2f} MB; every signature run in LiteRT, "
        f"largest difference from the model {report.difference:.1e}"
    )


def _export_web(run: Any, config: Any, load: Load, out: Any, given: dict[str, Any]) -> None:
    from tfvae.export.layouts import WEB, check_target

    check_target(out, given["overwrite"], WEB)

    model = load()

    import numpy as np

    from tfvae import export

    examples, label_names = _test_examples(run, config)
    given["images"], labels = examples.x, examples.labels
    given["labels"] = np.array(label_names)[labels] if label_names and labels is not None else labels
    path = export.save_web(model, out, **given)
    print(f"{path}: page, model and runtime\nnext: python -m http.server --bind 127.0.0.1 --directory {path}")


EXPORTS = {"saved_model": _export_saved_model, "tflite": _export_tflite, "web": _export_web}


def _test_examples(run: Any, config: Any) -> tuple[Any, Sequence[str]]:
    """Returns up to 1,000 test examples, from a fixed shuffle, `Examples`, and the names of their labels."""
    from tfvae.training.runs import loading
    from tfvae.training.runs.examples import examples_of

    loaded = loading.load_data(config)
    run.check_data(loaded.fingerprint())
    return examples_of(loaded, config, "test", 1000), loaded.label_names
