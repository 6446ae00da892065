"""The `tfvae` command."""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from tfvae.checks import UserError, one_of, positive_int

USER_ERROR = 2


class _Parser(argparse.ArgumentParser):
    """Tells a wrong command line in one line."""

    def error(self, message: str) -> NoReturn:
        raise UserError(message, fix=f"see `{self.prog} --help`")


def _parser() -> argparse.ArgumentParser:
    from tfvae.training import config

    parser = _Parser(
        prog="tfvae", description="Deep generative latent-variable models: train, evaluate, sample."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    train = commands.add_parser("train", help="train a model into a run directory")
    settings = train.add_argument_group("settings, the preset's unless given")
    for flag, kind, text in (
        ("preset", str, "architecture and recipe (default: digits); `tfvae info` lists them"),
        ("dataset", str, "digits (default), a TFDS image data set or FILE.npz with x_train and x_test"),
        ("binarize", str, f"{'|'.join(config.BINARIZE)} (default: dynamic)"),
        ("likelihood", str, "bernoulli (default) or normal"),
        ("estimator", str, "gradient estimator; `tfvae info` lists them"),
        ("groups", int, "groups M of miwae and piwae, which divide the particles"),
        ("alpha", float, "of vr-iwae, in [0, 1)"),
        ("beta", float, "weight of the ELBO in ciwae, in [0, 1]"),
        ("decay", float, "of nvil's running mean and variance"),
        ("temperature", float, "of relaxed, at the first step"),
        ("minimum", float, "lowest temperature of relaxed"),
        ("rate", float, "decay of relaxed's temperature for each step"),
        ("num-samples", int, "particles K"),
        (
            "backward-particles",
            int,
            "particles m, drawn by their weights, of the backward pass (default: all K)",
        ),
        ("latent-size", int, "units of the latent vector"),
        ("epochs", int, "passes over the training examples"),
        ("batch-size", int, "examples in a step"),
        ("learning-rate", float, "Adam's, at the start"),
        ("schedule", str, f"of the learning rate: {'|'.join(config.SCHEDULES)}"),
        ("kl-warmup", int, "epochs over which the KL weight grows to 1 (default: 0)"),
        ("free-bits", float, "nats of KL for each latent unit that cost nothing (default: 0)"),
        ("patience", int, "epochs without a better validation bound before stopping (default: 0, never)"),
        ("validation-size", int, "training examples held out (default: a tenth); 0 trains on everything"),
        ("seed", int, "of weights, noise and data order (default: 0)"),
        ("strategy", str, "|".join(config.STRATEGIES)),
        ("replicas", int, "devices to mirror over; splits a CPU into logical ones"),
        ("figures-every", int, "epochs between figures; 0 draws at the end alone"),
        ("checkpoint-seconds", float, "least time between checkpoints (default: 10)"),
    ):
        settings.add_argument(f"--{flag}", type=kind, help=text)
    settings.add_argument("--mixed-precision", action="store_true", default=None, help="compute in float16")
    settings.add_argument(
        "--tensorboard", action="store_true", default=None, help="write TensorBoard's event files"
    )
    train.add_argument("--run-dir", help="where the run goes (default: runs/PRESET-DATE-TIME)")
    train.add_argument("--resume", action="store_true", help="go on with the run in --run-dir")

    evaluate = commands.add_parser("evaluate", help="estimate the log-likelihood of held-out data")
    evaluate.add_argument("run_dir", metavar="RUN_DIR")
    evaluate.add_argument("--split", default="test", help="test (default), validation or train")
    evaluate.add_argument("--num-samples", type=int, default=5000, help="particles K (default: 5000)")
    evaluate.add_argument("--limit", type=int, help="examples to take, from a fixed shuffle (default: all)")
    evaluate.add_argument("--seed", type=int, default=0, help="of the particles (default: 0)")

    sample = commands.add_parser("sample", help="draw samples from a trained model")
    sample.add_argument("run_dir", metavar="RUN_DIR")
    sample.add_argument("-n", type=int, default=64, help="how many (default: 64)")
    sample.add_argument(
        "--seed", type=int, default=0, help="sample i depends on (seed, i) alone (default: 0)"
    )
    sample.add_argument("--out", help="FILE.png or FILE.npy (default: RUN_DIR/figures/samples-SEED.png)")

    export = commands.add_parser("export", help="write a SavedModel for TensorFlow Serving or a TFLite file")
    export.add_argument("run_dir", metavar="RUN_DIR")
    export.add_argument("--format", required=True, choices=("saved_model", "tflite", "web"))
    export.add_argument("--out", metavar="DIR", help="where to (default: RUN_DIR/export/FORMAT)")
    export.add_argument("--overwrite", action="store_true", help="replace what is there")
    export.add_argument("--num-samples", type=int, help="particles K of log_prob (default: 64)")
    export.add_argument("--version", type=int, help="saved_model: number of this version (default: 1)")
    export.add_argument(
        "--quantization", choices=("none", "float16", "dynamic"), help="tflite: of the weights"
    )
    export.add_argument(
        "--fixed-batch", type=int, metavar="N", help="tflite: rows of each call (default: any)"
    )
    export.add_argument("--force", action="store_true", help="tflite: keep a file that is over 0.1 nat off")

    export.add_argument(
        "--runtime", metavar="DIR", help="web: node_modules with @litertjs/core (default: here or above)"
    )

    info = commands.add_parser(
        "info", help="versions, devices, presets, estimators, data sets; or a run's summary"
    )
    info.add_argument("run_dir", metavar="RUN_DIR", nargs="?")
    return parser


def _train(options: argparse.Namespace) -> None:
    from tfvae import estimators
    from tfvae.training.config import Config
    from tfvae.training.run_directory import RunDirectory

    given = {name: value for name, value in vars(options).items() if name in Config.__dataclass_fields__}
    options_of = {name for row in estimators.TABLE for name, _ in row.options}
    chosen = {
        name: value for name, value in vars(options).items() if name in options_of and value is not None
    }
    given["estimator_options"] = chosen or None
    if (given["dataset"] or "").endswith(".npz"):
        given["dataset"] = os.path.abspath(given["dataset"])  # the run is then usable from any directory
    if options.resume:
        if options.run_dir is None:
            raise UserError("--resume does not say which run", expected="--run-dir DIR")
        run = RunDirectory(options.run_dir)
        config = run.config()
        differences = config.differences(given)
        if differences:
            raise UserError(
                f"the run in {run.path} has other settings",
                received=", ".join(differences),
                fix="leave them out to go on with the run, or start a new one in another --run-dir",
            )
    else:
        config = Config.resolve(given)
        default = os.path.join("runs", f"{config.preset}-{time.strftime('%Y%m%d-%H%M%S')}")
        run = RunDirectory(default if options.run_dir is None else options.run_dir)

    from tfvae.training import loop

    began = time.monotonic()
    loop.train(config, run, resume=options.resume)
    print(f"trained in {time.monotonic() - began:.0f} s: {run.path}")
    print(f"  model     {run.model_file}\n  history   {run.history_file}\n  figures   {run.figures}")
    print(f"next: tfvae evaluate {run.path}")


def _evaluate(options: argparse.Namespace) -> None:
    from tfvae.training.run_directory import RunDirectory

    one_of("--split", options.split, ("test", "validation", "train"))
    positive_int("--num-samples", options.num_samples)
    if options.limit is not None:
        positive_int("--limit", options.limit)
    run = RunDirectory(options.run_dir)
    run.config()

    from tfvae.training import loop
    from tfvae.training.progress import Progress

    bar: list[Progress] = []

    def progress(done: int, total: int) -> None:
        if not bar:
            bar.append(Progress(total, "example"))
        bar[0].update(done)

    began = time.monotonic()
    result = loop.evaluate(
        run,
        split=options.split,
        num_samples=options.num_samples,
        limit=options.limit,
        seed=options.seed,
        progress=progress,
    )
    print(f"{result['split']} set, {result['num_examples']} examples, binarize {result['binarize']}:")
    print(
        f"  negative log-likelihood  {result['nll']:.2f} +- {result['nll_standard_error']:.2f} nats"
        f"  (K = {result['num_samples']}; from the particles alone +- {result['nll_monte_carlo_standard_error']:.3f})"
    )
    print(f"  ELBO                     {result['elbo']:.2f} nats")
    print(f"  active units             {result['active_units']} of {result['latent_size']}")
    print(f"in {time.monotonic() - began:.0f} s: {run.evaluation_file}")


def _sample(options: argparse.Namespace) -> None:
    from pathlib import Path

    from tfvae.training.run_directory import RunDirectory, cannot_write

    positive_int("-n", options.n)
    run = RunDirectory(options.run_dir)
    run.config()
    out = Path(options.out) if options.out else run.figures / f"samples-{options.seed}.png"
    if out.suffix not in (".png", ".npy"):
        raise UserError("--out has an unknown ending", expected="FILE.png or FILE.npy", received=str(out))
    if not out.parent.is_dir():
        raise UserError(f"there is no directory {out.parent}", fix="make it, or choose another --out")

    import numpy as np

    from tfvae import files, plotting
    from tfvae.training import loop

    images = np.asarray(loop.load_model(run).sample(options.n, seed=options.seed))
    try:
        if out.suffix == ".png":
            plotting.save_image_grid(out, images, title=f"Samples from the prior, seed {options.seed}")
        else:
            with files.replacing(out) as temporary:
                np.save(temporary, images)
    except OSError as error:
        raise cannot_write(out, error) from error
    print(out)


ONLY_FOR = {
    "version": "saved_model",
    "quantization": "tflite",
    "fixed_batch": "tflite",
    "force": "tflite",
    "runtime": "web",
}  # option of `export`: the format that takes it


def _export(options: argparse.Namespace) -> None:
    from pathlib import Path

    from tfvae.training.run_directory import RunDirectory

    given = {name: getattr(options, name) for name in ONLY_FOR if getattr(options, name)}
    for name in given:
        if ONLY_FOR[name] != options.format:
            flag = "--" + name.replace("_", "-")
            raise UserError(f"{flag} is for --format {ONLY_FOR[name]}", received=f"--format {options.format}")
    for name in ("num_samples", "version", "fixed_batch"):
        if getattr(options, name) is not None:
            positive_int("--" + name.replace("_", "-"), getattr(options, name))
    run = RunDirectory(options.run_dir)
    config = run.config()
    if options.format == "web" and options.num_samples is not None:
        raise UserError("--num-samples is for --format saved_model or tflite", received="--format web")
    out = Path(options.out) if options.out else run.path / "export" / options.format
    given["overwrite"] = options.overwrite
    if options.num_samples is not None:
        given["num_samples"] = options.num_samples
    EXPORTS[options.format](run, config, out, given)


def _export_saved_model(run: Any, config: Any, out: Any, given: dict[str, Any]) -> None:
    from tfvae.export.directories import check_free

    check_free(out / str(given.get("version", 1)), given["overwrite"])

    from tfvae.training import loop

    model = loop.load_model(run)

    from tfvae import export

    path = export.save_serving(model, out, **given)
    print(f"{path}: SavedModel with batching parameters, warm-up requests and signatures.json")
    compose = os.path.join(os.path.dirname(export.__file__), "serving", "compose.yaml")
    print(f"next: MODEL_DIR={out.resolve()} docker compose -f {compose} up")


def _export_tflite(run: Any, config: Any, out: Any, given: dict[str, Any]) -> None:
    from tfvae.export.directories import check_free

    kind = given.get("quantization", "none")
    suffix = "" if kind == "none" else f"-{kind}"
    path = out if out.suffix == ".tflite" else out / f"model{suffix}.tflite"
    check_free(path, given["overwrite"])

    from tfvae.training import loop

    model = loop.load_model(run)
    if kind != "none":
        given["images"], _ = _test_examples(config)

    from tfvae import export

    report = export.save_tflite(model, path, **given)
    print(
        f"{report.path}: {report.size / 1e6:.2f} MB; every signature run in LiteRT, "
        f"largest difference from the model {report.difference:.1e}"
    )


def _export_web(run: Any, config: Any, out: Any, given: dict[str, Any]) -> None:
    from tfvae.export.directories import check_free

    check_free(out, given["overwrite"])

    from tfvae.training import loop

    model = loop.load_model(run)

    from tfvae import export

    given["images"], given["labels"] = _test_examples(config)
    path = export.save_web(model, out, **given)
    print(f"{path}: page, model and runtime\nnext: python -m http.server --bind 127.0.0.1 --directory {path}")


EXPORTS = {"saved_model": _export_saved_model, "tflite": _export_tflite, "web": _export_web}


def _test_examples(config: Any) -> tuple[Any, Any]:
    """Returns up to 1,000 test examples, from a fixed shuffle, and their labels or None."""
    import numpy as np

    from tfvae.training import data, loop

    test = loop.load_data(config).test
    chosen = np.random.default_rng(0).permutation(len(test.images))[:1000]
    images = data.binarize_once(test.images, config.binarize, seed=0)[chosen]
    return images, None if test.labels is None else test.labels[chosen]


def _info(options: argparse.Namespace) -> None:
    if options.run_dir is not None:
        return _info_of_run(options.run_dir)
    import importlib.metadata
    import platform

    from tfvae import estimators, presets
    from tfvae.training import data, quiet
    from tfvae.training.run_directory import PACKAGES

    print(f"python {platform.python_version()}")
    for name in PACKAGES:
        print(f"{name} {importlib.metadata.version(name)}")
    print("\ndevices")
    for device in quiet.tensorflow().config.list_physical_devices():
        print(f"  {device.name.removeprefix('/physical_device:')}")
    print("\npresets")
    for preset in presets.TABLE:
        print(f"  {preset.name:<18} {preset.summary}")
    print("\nestimators: name, bound, bias of the gradient, latents, cost in steps with K = 1, paper")
    for row in estimators.TABLE:
        print(f"  {row.name:<13} {row.bound:<36} {row.bias:<22} {row.latents:<10} {row.cost:<31} {row.paper}")
    print("\ndata sets")
    for line in data.datasets():
        print(f"  {line}")
    return None


def _info_of_run(path: str) -> None:
    from tfvae.training.run_directory import RunDirectory

    run = RunDirectory(path)
    config, history, evaluation = run.config(), run.read_history(), run.read_evaluation()
    print(run.path)
    for name, value in config.to_json().items():
        print(f"  {name:<20} {value}")
    print(f"epochs done {len(history)} of {config.epochs}")
    if history:
        print("last epoch  " + ", ".join(f"{name} {value:g}" for name, value in history[-1].items()))
    print(f"model       {run.model_file if run.model_file.is_file() else 'none yet'}")
    for name, value in (evaluation or {"evaluation": "none yet"}).items():
        print(f"  {name:<32} {value}")


COMMANDS = {"train": _train, "evaluate": _evaluate, "sample": _sample, "export": _export, "info": _info}


def _one_line(message: Warning | str, *_: Any) -> str:
    return f"tfvae: warning: {message}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code: 0, or 2 after one line about what the user can mend."""
    warnings.formatwarning = _one_line
    try:
        options = _parser().parse_args(arguments)
        COMMANDS[options.command](options)
    except UserError as error:
        print(f"tfvae: {error}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print(
            "tfvae: interrupted; `tfvae train --run-dir ... --resume` goes on from the last checkpoint",
            file=sys.stderr,
        )
        return 130
    return 0
