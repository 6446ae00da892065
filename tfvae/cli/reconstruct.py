"""`tfvae reconstruct`."""

from __future__ import annotations

import argparse

from tfvae.cli import new_data

ENDING = "-reconstructions.npz"
SHOWN = 30  # images in the picture
BLOCK = 500  # examples at a time


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `tfvae reconstruct`."""
    out = "Arrays to write: x, the examples as the model takes them, and reconstruction, the mean of p(x|z) at the mean"
    new_data.add_arguments(
        parser, f"{out} of q(z|x). For images, OUT.png shows the first {SHOWN} beside it.", ENDING
    )


def run(options: argparse.Namespace) -> None:
    """Writes the mean reconstructions of new examples."""
    out = new_data.output(options, ENDING)
    _, config, model, examples = new_data.opened(options, ("Inferential",))

    import numpy as np

    from tfvae import evaluation, files, plotting
    from tfvae.training.runs.directory import writing

    evaluation.as_examples(model, examples)
    blocks = [examples[start : start + BLOCK] for start in range(0, len(examples), BLOCK)]
    found = np.concatenate([np.asarray(model.reconstruct(**block.arguments())) for block in blocks])
    with writing(out), files.replacing(out) as temporary:
        np.savez(temporary, x=examples.x, reconstruction=found)
    error = np.square(found - examples.x).reshape(len(found), -1).sum(axis=1).mean()
    print(f"{len(found)} examples, mean squared distance {error:.4g}")
    print(out)
    if len(model.event_shape) == 3 and model.event_shape[-1] in (1, 3):
        binarised = "" if config.binarize == "none" else ", binarised as in training"
        title = f"Examples{binarised}, and their reconstructions"
        picture = out.with_suffix(".png")
        print(plotting.save_reconstructions(picture, examples.x[:SHOWN], found[:SHOWN], title=title))
