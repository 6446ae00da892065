"""`tfvae latent`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tfvae.checks import UserError, number_in, one_of, positive_int, seed_of
from tfvae.cli.parsing import path

if TYPE_CHECKING:
    import numpy as np

    from tfvae.models import VAE
    from tfvae.training.data import DataSet

    Labels = np.ndarray | None
    Drawn = tuple[np.ndarray, list[str], str]  # images [rows, columns, H, W, C], names of the rows, title

SPLITS = ("test", "validation", "train")
METHODS = ("linear", "spherical")
DEFAULTS: dict[str, dict[str, Any]] = {
    "interpolate": {"split": "test", "method": "linear", "steps": 10, "rows": 8},
    "attribute": {"split": "test", "label": 0, "strength": 2.0, "steps": 6},
    "manifold": {"side": 20},
    "traverse": {"split": "test", "rows": None, "reach": 3.0, "steps": 10},
}  # tool: option to its default; the others are not for it
EXAMPLES = 10_000  # at most, from a fixed shuffle, for mean codes and activities
TILES = 10_000  # at most, in a figure
MOST = {"steps": TILES, "rows": TILES, "side": 100}
FARTHEST = 1e6  # latent units, or attributes
COLUMNS = 10  # examples whose attribute is edited
UNITS = 8  # latent units traversed where their number is not given, or all where there are fewer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `tfvae latent`."""
    parser.add_argument("run_dir", type=path, metavar="RUN_DIR", help="Directory of the run.")
    parser.add_argument("tool", metavar="|".join(DEFAULTS), help="What to draw.")
    add = parser.add_argument
    add(
        "--out",
        type=path,
        metavar="FILE.png",
        help="Picture to write. (default: RUN_DIR/figures/TOOL.png)",
    )
    add(
        "--split",
        metavar="|".join(SPLITS),
        help="interpolate, attribute, traverse: Examples to take. (default: test)",
    )
    add(
        "--method",
        metavar="|".join(METHODS),
        help="interpolate: Path between two codes, a straight line or along great circles around 0. (default: linear)",
    )
    add(
        "--steps",
        type=int,
        metavar="N",
        help="interpolate, traverse: Images in a row. (default: 10) attribute: Rows. (default: 6)",
    )
    add(
        "--rows",
        type=int,
        metavar="N",
        help="interpolate: Pairs of examples. (default: 8) traverse: Latent units. (default: 8, or all if fewer)",
    )
    add("--label", type=int, metavar="CLASS", help="attribute: Class that has the attribute. (default: 0)")
    add("--strength", type=float, metavar="X", help="attribute: Strength in the last row. (default: 2)")
    add(
        "--reach",
        type=float,
        metavar="X",
        help="traverse: Latent units from 0 to either end of a path. (default: 3)",
    )
    add("--side", type=int, metavar="N", help="manifold: Tiles along each side. (default: 20)")


def run(options: argparse.Namespace) -> None:
    """Draws interpolations, edits of an attribute, the manifold grid or traversals of a trained model."""
    from pathlib import Path

    from tfvae import files
    from tfvae.training.runs.directory import RunDirectory

    given = _options_of(options)
    run = RunDirectory(options.run_dir)
    config = run.config()
    out = Path(options.out) if options.out else run.figures / f"{options.tool}.png"
    if out.suffix != ".png":
        raise UserError("--out has an unknown ending", expected="FILE.png", received=str(out))
    if not files.is_directory(out.parent):
        raise UserError(f"there is no directory {out.parent}", fix="make it, or choose another --out")

    from tfvae.training import quiet_tensorflow

    quiet_tensorflow.tensorflow()

    from tfvae import latent, plotting
    from tfvae.training.runs import loading
    from tfvae.training.runs.examples import examples_of, named

    model = loading.load_model(run)
    latent.check(model)
    if len(model.event_shape) != 3:
        raise UserError(
            "latent figures are made of images", expected="examples [H, W, C]", received=model.event_shape
        )
    if options.tool == "manifold":
        images, extent = latent.manifold(model, given["side"])
        title = "Decoded quantiles of the prior"
        print(plotting.save_manifold_grid(out, images, title=title, extent=extent))
        return
    loaded = loading.load_data(config)
    run.check_data(loaded.fingerprint())
    split = given.pop("split")
    found = examples_of(loaded, config, split, EXAMPLES)
    examples, labels = found.x, found.labels
    if not len(examples):
        raise UserError(f"the run has no {split} examples", expected="another --split")
    images, names, title = TOOLS[options.tool](
        model, examples, labels, loaded, named("example", loaded, config), **given
    )
    print(plotting.save_rows(out, images, names, title=title))


def _options_of(options: argparse.Namespace) -> dict[str, Any]:
    """Returns the options of the tool, its defaults where they were not given."""
    defaults = DEFAULTS[one_of("tool", options.tool, DEFAULTS)]
    known = {name for others in DEFAULTS.values() for name in others}
    for name in known - set(defaults):
        if getattr(options, name) is not None:
            takers = ", ".join(tool for tool, others in DEFAULTS.items() if name in others)
            raise UserError(f"--{name} is for {takers}", received=options.tool)
    chosen = {
        name: value if getattr(options, name) is None else getattr(options, name)
        for name, value in defaults.items()
    }
    for name in {"steps", "rows", "side"} & set(chosen):
        if chosen[name] is not None:
            positive_int(f"--{name}", chosen[name], MOST[name])
    if options.tool != "attribute" and chosen.get("steps", 2) < 2:
        raise UserError("a path has two ends", expected="--steps >= 2", received=chosen["steps"])
    if options.tool != "attribute" and (chosen.get("rows") or 1) * chosen.get("steps", 1) > TILES:
        raise UserError("--rows x --steps is too large for a figure", expected=f"at most {TILES} images")
    if "label" in chosen:
        seed_of("--label", chosen["label"])
    for name in {"strength", "reach"} & set(chosen):
        number_in(f"--{name}", chosen[name], 0.0 if name == "reach" else -FARTHEST, FARTHEST, open_low=True)
    if "split" in chosen:
        one_of("--split", chosen["split"], SPLITS)
    if "method" in chosen:
        one_of("--method", chosen["method"], METHODS)
    return chosen


def _interpolate(
    model: VAE,
    examples: np.ndarray,
    labels: Labels,
    loaded: DataSet,
    what: str,
    *,
    method: str,
    steps: int,
    rows: int,
) -> Drawn:
    """Returns rows that lead from the code of one example to that of another."""
    import numpy as np

    from tfvae import latent

    if 2 * rows > len(examples):
        raise UserError(
            "--rows needs two examples each", expected=f"at most {len(examples) // 2}", received=rows
        )
    start, end = examples[0 : 2 * rows : 2], examples[1 : 2 * rows : 2]
    images = latent.interpolate(model, start, end, steps, method)
    return (
        np.stack([start, *images, end], axis=1),
        [f"{row + 1}" for row in range(rows)],
        f"{method.capitalize()} interpolation of codes; the first and the last column are the {what}s themselves",
    )


def _attribute(
    model: VAE,
    examples: np.ndarray,
    labels: Labels,
    loaded: DataSet,
    what: str,
    *,
    label: int,
    strength: float,
    steps: int,
) -> Drawn:
    """Returns reconstructions with more and more of an attribute added to the code, row by row."""
    import numpy as np

    from tfvae import latent

    if labels is None:
        raise UserError(f"data set {loaded.name} has no labels, which an attribute needs")
    attribute = latent.attribute_vector(model, examples, labels == label)
    firsts = [int(np.argmax(labels == name)) for name in np.unique(labels)]
    shown = examples[(firsts + [row for row in range(len(examples)) if row not in firsts])[:COLUMNS]]
    strengths = np.linspace(0.0, strength, steps) if steps > 1 else np.array([strength])
    rows = [latent.edit(model, shown, attribute, float(value)) for value in strengths]
    return (
        np.stack([shown, *rows]),
        [what, *(f"{value:+.3g}" for value in strengths)],
        f'Reconstructions with the "{loaded.label_name(label)}" component added row by row',
    )


def _traverse(
    model: VAE,
    examples: np.ndarray,
    labels: Labels,
    loaded: DataSet,
    what: str,
    *,
    rows: int | None,
    reach: float,
    steps: int,
) -> Drawn:
    """Returns a row for each latent unit, which varies while the others stay."""
    from tfvae import latent

    if rows is not None and rows > model.latent_size:
        raise UserError(
            "--rows is more than the latent units", expected=f"at most {model.latent_size}", received=rows
        )
    units = latent.by_activity(model, examples)[: rows or UNITS]
    images = latent.traverse(model, examples[0], units, -reach, reach, steps)
    return (
        images,
        [f"z{unit}" for unit in units],
        f"One latent unit at a time from {-reach:g} to {reach:g}, the most active first",
    )


TOOLS: dict[str, Callable[..., Drawn]] = {
    "interpolate": _interpolate,
    "attribute": _attribute,
    "traverse": _traverse,
}
