"""`tfvae sample`."""

from __future__ import annotations

import argparse

from tfvae.checks import UserError, positive_int


def run(options: argparse.Namespace) -> None:
    """Draws samples from a trained model."""
    from pathlib import Path

    from tfvae.training.run_directory import RunDirectory, cannot_write

    positive_int("-n", options.n)
    run_directory = RunDirectory(options.run_dir)
    run_directory.config()
    out = Path(options.out) if options.out else run_directory.figures / f"samples-{options.seed}.png"
    if out.suffix not in (".png", ".npy"):
        raise UserError("--out has an unknown ending", expected="FILE.png or FILE.npy", received=str(out))
    if not out.parent.is_dir():
        raise UserError(f"there is no directory {out.parent}", fix="make it, or choose another --out")

    import numpy as np

    from tfvae import files, plotting
    from tfvae.training import results

    model = results.load_model(run_directory)
    points = len(model.event_shape) == 1
    images = np.asarray(model.sample(options.n, seed=options.seed, mean=not points))
    title = f"Samples from the prior, seed {options.seed}"
    try:
        if out.suffix == ".png" and points:
            plotting.save_points(out, {"samples": images}, title=title)
        elif out.suffix == ".png":
            plotting.save_image_grid(out, images, title=title)
        else:
            with files.replacing(out) as temporary:
                np.save(temporary, images)
    except OSError as error:
        raise cannot_write(out, error) from error
    print(out)
