"""`tfvae sample`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tfvae.checks import UserError, positive_int, seed_of
from tfvae.cli.parsing import add_plain_weights, path

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from tfvae.training.data import Columns

EACH = 8  # samples for each condition


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `tfvae sample`."""
    parser.add_argument("run_dir", type=path, metavar="RUN_DIR", help="Directory of the run.")
    parser.add_argument(
        "-n",
        type=int,
        default=64,
        help="Number of samples. A model with a condition draws 8 for each of the first shuffled test examples' "
        "conditions. (default: 64)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="S",
        help="Seed of the samples. Sample i depends on (seed, i) alone; with a condition, sample i of the b-th of B "
        "conditions depends on (seed, i B + b) and on that condition. (default: 0)",
    )
    parser.add_argument(
        "--condition",
        type=path,
        metavar="CLASS|FILE",
        help="What to condition on: a class by its number or name; or FILE.npy, of which each row gets 8 samples. "
        "(default: the conditions of test examples)",
    )
    parser.add_argument(
        "--out",
        type=path,
        metavar="FILE",
        help="Picture FILE.png or array FILE.npy to write; for a run on a table also FILE.csv, with its columns and in "
        "their units, as the array is. (default: RUN_DIR/figures/samples-SEED.png, for a table .csv)",
    )
    add_plain_weights(parser)


def run(options: argparse.Namespace) -> None:
    """Draws samples from a trained model.

    A model with a condition gets those of the first examples of the shuffled test split, 8 samples for each.
    """
    from pathlib import Path

    from tfvae import files
    from tfvae.training.runs import units
    from tfvae.training.runs.directory import RunDirectory, cannot_write

    positive_int("-n", options.n)
    seed_of("--seed", options.seed)
    run_directory = RunDirectory(options.run_dir)
    _check_draws(run_directory)
    if options.condition is not None and run_directory.config().condition == "none":
        raise UserError(
            f"the run in {run_directory.path} has no condition",
            expected="a run with --condition label, for one",
            received=f"--condition {options.condition}",
        )
    columns = units.read(run_directory)
    endings = (".png", ".npy") if columns is None else (".csv", ".npy", ".png")
    out = Path(options.out) if options.out else run_directory.figures / f"samples-{options.seed}{endings[0]}"
    if out.suffix not in endings:
        expected = " or ".join(f"FILE{ending}" for ending in endings)
        raise UserError("--out has an unknown ending", expected=expected, received=str(out))
    if not files.is_directory(out.parent):
        raise UserError(f"there is no directory {out.parent}", fix="make it, or choose another --out")

    from tfvae.training import quiet_tensorflow

    quiet_tensorflow.tensorflow()

    import numpy as np

    from tfvae import plotting
    from tfvae.models.conditional import Conditional
    from tfvae.training.runs import loading

    model = loading.load_model(run_directory, options.plain_weights)
    if columns is not None:
        drawn = np.asarray(model.sample(options.n, seed=options.seed, mean=False))
        _write_table(out, columns, drawn, f"{options.n} samples, seed {options.seed}")
        print(out)
        return
    points = len(model.event_shape) == 1
    if out.suffix == ".png" and not points and options.n > plotting.MAX_IMAGES:
        raise UserError(
            "-n is too large for a figure",
            expected=f"at most {plotting.MAX_IMAGES}",
            received=options.n,
            fix="write FILE.npy",
        )
    conditional = isinstance(model, Conditional)
    conditions, label_names = _conditions(run_directory, model, options) if conditional else (None, ())
    if conditions is None:
        images = np.asarray(model.sample(options.n, seed=options.seed, mean=not points))
    else:
        rows = np.asarray(model.sample(EACH, seed=options.seed, condition=conditions)).swapaxes(0, 1)
        images = rows.reshape(-1, *model.event_shape)[: options.n]
    title = f"Samples from the prior, seed {options.seed}"
    try:
        if out.suffix == ".png" and points:
            plotting.save_points(out, {"samples": images}, title=title)
        elif out.suffix == ".png" and conditions is None:
            plotting.save_image_grid(out, images, title=title)
        elif out.suffix == ".png":
            from tfvae.training.runs.figures import condition_column

            shown, look = condition_column(model, conditions, label_names)
            white = np.ones_like(rows).reshape(-1, *model.event_shape)
            white[: options.n] = images
            for index, drawn in enumerate(white.reshape(rows.shape).swapaxes(0, 1)[: options.n]):
                shown[f"sample {index + 1}"] = drawn
            plotting.save_columns(
                out,
                shown,
                title=f"Samples given {options.condition or 'conditions of test examples'}, seed {options.seed}",
                **look,
            )
        else:
            with files.replacing(out) as temporary:
                np.save(temporary, images)
    except OSError as error:
        raise cannot_write(out, error) from error
    print(out)


def _check_draws(run: Any) -> None:
    """Raises a `UserError` if the model of a run makes no examples."""
    from tfvae import presets

    preset = presets.get(run.config().preset)
    if not preset.draws:
        raise UserError(
            f"the model of the run in {run.path} is a density, of which no samples are drawn",
            expected="a run of a preset that makes examples",
            received=f"preset {preset.name}",
            fix="tfvae evaluate and tfvae score give its log p(x)",
        )


def _write_table(out: Path, columns: Columns, drawn: np.ndarray, title: str) -> None:
    """Writes samples of a table: its rows, the same as numbers, or a picture of each column."""
    import csv

    import numpy as np

    from tfvae import files, plotting
    from tfvae.training.runs.directory import writing

    with writing(out):
        if out.suffix == ".png":
            plotting.save_marginals(out, {"samples": columns.table(drawn)}, title=title)
            return
        with files.replacing(out) as temporary:
            if out.suffix == ".npy":
                np.save(temporary, columns.numbers(drawn))
                return
            table = columns.table(drawn)
            with open(temporary, "w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(table)
                cells = (
                    [f"{value:.9g}" if values.dtype.kind == "f" else value for value in values]
                    for values in table.values()
                )
                writer.writerows(zip(*cells, strict=True))


def _conditions(run: Any, model: Any, options: argparse.Namespace) -> tuple[Any, Sequence[str]]:
    """Returns conditions, one for every `EACH` of n samples, and the names of the labels.

    The conditions are those that were asked for, where one class is repeated, or those of the first test examples of a
    fixed shuffle.
    """
    from tfvae.models.contract import Density
    from tfvae.training.runs import loading, new_data
    from tfvae.training.runs.examples import examples_of

    if isinstance(model, Density):
        raise UserError(
            f"the run in {run.path} is a regressor, whose prediction does not vary",
            expected="a run with latent variables",
            fix="see its figures/conditional.png",
        )
    n, config = options.n, run.config()
    if options.condition is not None:
        asked = new_data.conditions(options.condition, run, model)
        names = loading.load_data(config).label_names if config.condition == "label" else ()
        if len(asked) == 1:
            return asked.repeat(-(-n // EACH), axis=0), names
        if n > EACH * len(asked):
            raise UserError(
                f"-n is too large for {options.condition}",
                expected=f"at most {EACH * len(asked)}",
                received=n,
            )
        return asked[: -(-n // EACH)], names
    loaded = loading.load_data(config)
    run.check_data(loaded.fingerprint())
    most = EACH * len(loaded.test)
    if n > most:
        raise UserError("-n is too large for the test split", expected=f"at most {most}", received=n)
    return examples_of(loaded, config, "test", -(-n // EACH)).condition, loaded.label_names
