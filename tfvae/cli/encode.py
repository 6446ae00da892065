"""`tfvae encode`."""

from __future__ import annotations

import argparse

from tfvae.checks import int_from, seed_of
from tfvae.cli import new_data
from tfvae.cli.bar import Bar

ENDING = "-codes.npz"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `tfvae encode`."""
    out = "Arrays to write: mean and scale of q(z|x), [N, units]; mean_1, scale_1, mean_2, ... for layers of latents "
    new_data.add_arguments(parser, f"{out}from the bottom up.", ENDING)
    parser.add_argument(
        "--draws",
        type=int,
        default=200,
        metavar="S",
        help="Draws of z for each example where q(z|x) has no closed form: several layers, flows. (default: 200)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="Seed of the draws. (default: 0)")


def run(options: argparse.Namespace) -> None:
    """Writes the mean and the scale of q(z|x) of new examples."""
    int_from(2, "--draws", options.draws)
    seed_of("--seed", options.seed)
    out = new_data.output(options, ENDING)
    _, _, model, examples = new_data.opened(options, ("Inferential",))

    import numpy as np

    from tfvae import evaluation, files
    from tfvae.training.runs.directory import writing

    moments = evaluation.posterior_moments(
        model, examples, draws=options.draws, seed=options.seed, progress=Bar("example")
    )
    arrays: dict[str, np.ndarray] = {}
    for layer, (mean, scale) in enumerate(zip(moments.means, moments.scales, strict=True), start=1):
        number = f"_{layer}" if len(moments.means) > 1 else ""
        arrays |= {f"mean{number}": mean, f"scale{number}": scale}
    with writing(out), files.replacing(out) as temporary:
        np.savez(temporary, **arrays)  # type: ignore[arg-type]
    how = "exact" if moments.draws is None else f"from {moments.draws} draws each"
    shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items())
    print(f"{len(examples)} examples, {how}: {shapes}\n{out}")
