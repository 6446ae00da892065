"""The parser of the whole command line, made of the subcommands'."""

from __future__ import annotations

from tfvae import __version__
from tfvae.cli import encode, evaluate, export, info, latent, reconstruct, sample, score, train
from tfvae.cli.parsing import Parser

SUBCOMMANDS = {
    "train": (train, "train a model into a run directory"),
    "evaluate": (evaluate, "estimate the log-likelihood of held-out data"),
    "sample": (sample, "draw samples from a trained model"),
    "encode": (encode, "give the latents of new examples"),
    "score": (score, "estimate log p(x) of new examples, and find anomalies among them"),
    "reconstruct": (reconstruct, "show what a model makes of new examples"),
    "latent": (latent, "draw what a trained model's latents do"),
    "export": (export, "write a SavedModel for TensorFlow Serving, a TFLite file or a page for the browser"),
    "info": (info, "list versions, devices, presets, estimators and data sets, or sum up a run"),
}  # name: the module with its `add_arguments` and `run`, and what it does


def parser() -> Parser:
    """Returns the parser of the whole command line."""
    top = Parser(prog="tfvae", description="Deep generative latent-variable models: train, evaluate, sample.")
    top.add_argument("--version", action="version", version=f"tfvae {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for name, (module, what) in SUBCOMMANDS.items():
        module.add_arguments(
            commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        )
    return top
