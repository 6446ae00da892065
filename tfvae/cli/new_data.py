"""What the subcommands that take a file of new examples share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfvae.checks import UserError
from tfvae.cli.parsing import path

if TYPE_CHECKING:
    from tfvae.examples import Examples
    from tfvae.training.config import Config
    from tfvae.training.runs.directory import RunDirectory

FILE = (
    "Examples: .npz with an array x, and y (labels) or c (conditions) for a model that takes them, or with x_test, "
    "y_test, c_test; or what `tfvae train --dataset` takes: .npy, .csv, a folder of images, a name. Pixels have the "
    "scale of the run's."
)


def add_arguments(parser: argparse.ArgumentParser, out: str, ending: str) -> None:
    """Adds the run, the file and the output.

    Args:
        parser: parser of the subcommand.
        out: what is written, in words.
        ending: of the output after the name of the file, such as "-scores.csv".
    """
    parser.add_argument("run_dir", type=path, metavar="RUN_DIR", help="Directory of the run.")
    parser.add_argument("file", type=path, metavar="FILE", help=FILE)
    suffix = Path(ending).suffix
    parser.add_argument(
        "--out",
        type=path,
        metavar=f"OUT{suffix}",
        help=f"{out} (default: FILE's name with {ending}, in the present directory)",
    )


def output(options: argparse.Namespace, ending: str) -> Path:
    """Returns the file to write, `--out` or one that is named after the examples.

    Raises:
        UserError: if it has another ending, or no directory.
    """
    from tfvae import files

    suffix = Path(ending).suffix
    out = Path(options.out or f"{Path(options.file).stem}{ending}")
    if out.suffix != suffix:
        raise UserError("--out has an unknown ending", expected=f"OUT{suffix}", received=str(out))
    if not files.is_directory(out.parent):
        raise UserError(f"there is no directory {out.parent}", fix="make it, or choose another --out")
    return out


def opened(
    options: argparse.Namespace, groups: tuple[str, ...]
) -> tuple[RunDirectory, Config, Any, Examples]:
    """Reads the file, then loads the model.

    Args:
        options: the subcommand's.
        groups: names of the groups of `tfvae.models.contract` of which the model has to have one.

    Returns:
        run, config, model, examples: the run, its settings, its model, and the examples as that takes them.

    Raises:
        UserError: if one of them is missing or damaged, the model cannot do it, or the examples do not fit it.
    """
    from tfvae.training.runs import loading, new_data
    from tfvae.training.runs.directory import RunDirectory

    run = RunDirectory(options.run_dir)
    config = run.config()
    new = new_data.read(options.file, config)
    model = loading.load_model(run)

    from tfvae.models import contract

    if not isinstance(model, tuple(getattr(contract, group) for group in groups)):
        raise UserError(
            f"the run in {run.path} is a {type(model).__name__}, which has no encoder",
            expected="a model with q(z|x), such as VAE",
            received=f"preset {config.preset}",
        )
    return run, config, model, new.examples(run, model)
