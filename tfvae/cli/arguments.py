"""The command line's flags."""

from __future__ import annotations

import argparse
from typing import NoReturn

from tfvae import __version__
from tfvae.checks import VALUE, UserError, cut, printable


def _path(text: str) -> str:
    """Returns a path that the system can be asked for."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty; expected one that is not empty")
    if "\0" in text:
        raise argparse.ArgumentTypeError(f"a path holds a NUL character; received {printable(text)}")
    return text


def _quantization(text: str) -> str:
    """Returns the name of a quantization; tells why there is no int8."""
    from tfvae.export.quantization import NO_INT8

    if text == "int8":
        raise argparse.ArgumentTypeError(NO_INT8)
    return text


class _Parser(argparse.ArgumentParser):
    """Tells a wrong command line in one line."""

    def error(self, message: str) -> NoReturn:
        raise UserError(cut(message, 2 * VALUE), fix=f"see `{self.prog} --help`")


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the whole command line."""
    from tfvae import conditions, presets
    from tfvae.training import config, data
    from tfvae.training.runs import identity

    top = _Parser(
        prog="tfvae", description="Deep generative latent-variable models: train, evaluate, sample."
    )
    top.add_argument("--version", action="version", version=f"tfvae {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    train = commands.add_parser("train", help="train a model into a run directory")
    settings = train.add_argument_group("settings, the preset's unless given")
    for flag, kind, text in (
        ("preset", str, "architecture and recipe (default: digits); `tfvae info` lists them"),
        (
            "dataset",
            _path,
            "digits, ring, a TFDS image data set or FILE.npz with x_train, x_test, maybe y_*, c_*",
        ),
        ("binarize", str, f"{'|'.join(data.BINARIZE)} (default: dynamic for bernoulli, else none)"),
        ("likelihood", str, "|".join(presets.LIKELIHOODS)),
        (
            "condition",
            str,
            f"what images are conditioned on: {'|'.join(conditions.KINDS)} (default: the preset's); array is what "
            "FILE.npz holds as c_train, c_test and, with x_valid, c_valid: numbers [N, ...], taken as they are",
        ),
        ("posterior", str, f"{'|'.join(presets.POSTERIORS)} (default: diagonal)"),
        (
            "prior",
            str,
            f"{'|'.join(presets.PRIORS)} (default: standard); with a condition learned, from it (default), or fixed, a "
            "standard normal",
        ),
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
        (
            "schedule-epochs",
            int,
            "epochs over which the schedule goes, whatever --epochs a resumption has (default: --epochs)",
        ),
        ("kl-warmup", int, "epochs over which the KL weight grows to 1 (default: 0, a third for cvae-*)"),
        ("free-bits", float, "nats of KL for each latent unit that cost nothing (default: 0)"),
        ("patience", int, "epochs without a better validation bound before stopping (default: 0, never)"),
        (
            "validation-size",
            int,
            "training examples held out (default: the preset's or a tenth); 0 trains on all",
        ),
        ("seed", int, "of weights, noise and data order (default: 0)"),
        ("strategy", str, "|".join(config.STRATEGIES)),
        ("replicas", int, "devices to mirror over; splits a CPU into logical ones"),
        ("figures-every", int, "epochs between figures; 0 draws at the end alone"),
        ("checkpoint-seconds", float, "least time between checkpoints (default: 10)"),
    ):
        settings.add_argument(f"--{flag}", type=kind, help=text)
    settings.add_argument(
        "--mixed-precision",
        nargs="?",
        const="float16",
        metavar="FORMAT",
        help="what layers compute in: float16 (where no FORMAT is given; with loss scaling; for GPUs) or bfloat16 "
        "(the faster one on CPUs with AVX512_BF16 or AMX); log-densities stay float32",
    )
    settings.add_argument(
        "--jit",
        nargs="?",
        const="on",
        metavar="|".join(config.JIT),
        help="compile the step with XLA, on one device: on (where no value is given), off, or auto (default), where "
        "the preset gains by it",
    )
    settings.add_argument(
        "--tensorboard", action="store_true", default=None, help="write TensorBoard's event files"
    )
    workers = train.add_argument_group("several processes, with --strategy multiworker")
    workers.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="how many to start on this machine (default: TF_CONFIG tells)",
    )
    workers.add_argument(
        "--max-restarts",
        type=int,
        metavar="R",
        help="start them again so often after one was killed or hung (default: 0)",
    )
    workers.add_argument(
        "--worker-timeout",
        type=float,
        metavar="SECONDS",
        help="to wait for all of them to appear (default: 300)",
    )
    workers.add_argument(
        "--hang-timeout",
        type=float,
        metavar="SECONDS",
        help="without a finished step after which they hang and are ended (default: 600); a validation or a checkpoint "
        "has to take less",
    )
    train.add_argument("--run-dir", type=_path, help="where the run goes (default: runs/PRESET-DATE-TIME)")
    train.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run in --run-dir, a finished one too where --epochs is larger; its settings stay but for "
        f"{identity.FLAGS}, of which config.json keeps a record. The schedule keeps its span, but a cosine that "
        "ends before --epochs is stretched to it; --schedule-epochs sets another",
    )

    evaluate = commands.add_parser("evaluate", help="estimate the log-likelihood of held-out data")
    evaluate.add_argument("run_dir", type=_path, metavar="RUN_DIR")
    evaluate.add_argument("--split", default="test", help="test (default), validation or train")
    evaluate.add_argument("--num-samples", type=int, default=5000, help="particles K (default: 5000)")
    evaluate.add_argument(
        "--method",
        default="importance",
        help="of the log-likelihood: importance (default), from q(z|x), or ais, annealed chains",
    )
    evaluate.add_argument(
        "--num-temperatures", type=int, metavar="T", help="ais: steps of each chain (default: 1000)"
    )
    evaluate.add_argument("--chains", type=int, metavar="C", help="ais: for each example (default: 16)")
    evaluate.add_argument("--init", help="ais: where chains start, prior (default) or posterior")
    evaluate.add_argument(
        "--simulated",
        type=int,
        metavar="N",
        help="ais: examples drawn from the model, on which the error is bounded from both sides (default: 0)",
    )
    evaluate.add_argument("--limit", type=int, help="examples to take, from a fixed shuffle (default: all)")
    evaluate.add_argument("--seed", type=int, default=0, help="of the particles (default: 0)")
    evaluate.add_argument(
        "--against",
        type=_path,
        metavar="RUN_DIR",
        help="another run to compare with on the same pixels, such as a regressor's",
    )
    evaluate.add_argument(
        "--full",
        action="store_true",
        help="measure the gap, where there is one, and judge samples and codes too; write report.html, a page to read "
        "from top to bottom",
    )
    evaluate.add_argument(
        "--gap",
        action="store_true",
        help="also split log p(x) - ELBO into what the family of q and what the encoder lose, by optimising q for each "
        "of the first 500 examples of the fixed shuffle (--gap-examples)",
    )
    evaluate.add_argument(
        "--gap-examples", type=int, metavar="N", help="examples of --gap, at most --limit (default: 500)"
    )
    evaluate.add_argument(
        "--gap-steps", type=int, help="of the optimiser of q for each example (default: 500)"
    )

    sample = commands.add_parser("sample", help="draw samples from a trained model")
    sample.add_argument("run_dir", type=_path, metavar="RUN_DIR")
    sample.add_argument(
        "-n",
        type=int,
        default=64,
        help="how many (default: 64); with a condition, 8 for each of the first shuffled test examples' conditions",
    )
    sample.add_argument(
        "--seed",
        type=int,
        default=0,
        help="sample i depends on (seed, i) alone, with a condition sample i of the b-th of B conditions on "
        "(seed, i B + b) and that condition (default: 0)",
    )
    sample.add_argument(
        "--out", type=_path, help="FILE.png or FILE.npy (default: RUN_DIR/figures/samples-SEED.png)"
    )

    latent = commands.add_parser("latent", help="draw what a trained model's latents do")
    latent.add_argument("run_dir", type=_path, metavar="RUN_DIR")
    latent.add_argument("tool", metavar="interpolate|attribute|manifold|traverse")
    latent.add_argument("--out", type=_path, metavar="FILE.png", help="(default: RUN_DIR/figures/TOOL.png)")
    latent.add_argument(
        "--split",
        help="interpolate, attribute, traverse: whose examples, test (default), validation or train",
    )
    latent.add_argument(
        "--method", help="interpolate: linear (default), or spherical along great circles around 0"
    )
    latent.add_argument(
        "--steps", type=int, help="interpolate, traverse: images in a row (default: 10); attribute: rows (6)"
    )
    latent.add_argument(
        "--rows",
        type=int,
        help="interpolate: pairs of examples (default: 8); traverse: latent units (default: 8, or all if fewer)",
    )
    latent.add_argument("--label", type=int, help="attribute: the class that has it (default: 0)")
    latent.add_argument("--strength", type=float, help="attribute: of the last row (default: 2)")
    latent.add_argument(
        "--reach", type=float, help="traverse: from -REACH to REACH, in latent units (default: 3)"
    )
    latent.add_argument("--side", type=int, help="manifold: tiles along each side (default: 20)")

    export = commands.add_parser("export", help="write a SavedModel for TensorFlow Serving or a TFLite file")
    export.add_argument("run_dir", type=_path, metavar="RUN_DIR")
    export.add_argument(
        "--format",
        required=True,
        choices=("saved_model", "tflite", "web"),
        help="web: a page that runs the model in the browser, for models without a condition",
    )
    export.add_argument("--out", type=_path, metavar="DIR", help="where to (default: RUN_DIR/export/FORMAT)")
    export.add_argument("--overwrite", action="store_true", help="replace an earlier export")
    export.add_argument("--num-samples", type=int, help="particles K of log_prob (default: 64)")
    export.add_argument("--version", type=int, help="saved_model: number of this version (default: 1)")
    export.add_argument(
        "--quantization",
        type=_quantization,
        choices=("none", "float16", "dynamic"),
        help="tflite: of the weights",
    )
    export.add_argument(
        "--fixed-batch", type=int, metavar="N", help="tflite: rows of each call (default: any)"
    )
    export.add_argument("--force", action="store_true", help="tflite: keep a file that is over 0.1 nat off")

    export.add_argument(
        "--runtime",
        type=_path,
        metavar="DIR",
        help="web: node_modules with @litertjs/core (default: here or above)",
    )

    info = commands.add_parser(
        "info", help="versions, devices, presets, estimators, data sets; or a run's summary"
    )
    info.add_argument("run_dir", type=_path, metavar="RUN_DIR", nargs="?")
    return top
