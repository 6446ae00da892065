"""`tfvae info`."""

from __future__ import annotations

import argparse

from tfvae.cli import summary
from tfvae.cli.parsing import path

WIDEST = 100  # characters of a metric


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `tfvae info`."""
    parser.add_argument(
        "run_dir", type=path, metavar="RUN_DIR", nargs="?", help="Directory of a run to sum up."
    )


def run(options: argparse.Namespace) -> None:
    """Prints versions, devices, presets, estimators and data sets, or one run's summary."""
    if options.run_dir is not None:
        return _info_of_run(options.run_dir)
    import importlib.metadata
    import platform

    from tfvae import estimators, presets
    from tfvae.training import data, quiet_tensorflow
    from tfvae.training.runs.directory import PACKAGES

    print(f"python {platform.python_version()}")
    for name in PACKAGES:
        print(f"{name} {importlib.metadata.version(name)}")
    print("\ndevices")
    for device in quiet_tensorflow.tensorflow().config.list_physical_devices():
        print(f"  {device.name.removeprefix('/physical_device:')}")
    print("\npresets")
    for preset in presets.TABLE:
        print(f"  {preset.name:<18} {preset.summary}")
        for difference in preset.differences:
            print(f"  {'':<18}   not as published: {difference}")
    print("\nestimators: name, bound, bias of the gradient, latents, cost in steps with K = 1, paper")
    for row in estimators.TABLE:
        print(f"  {row.name:<13} {row.bound:<36} {row.bias:<22} {row.latents:<10} {row.cost:<31} {row.paper}")
    print("\ndata sets")
    for line in data.datasets():
        print(f"  {line}")
    return None


def _info_of_run(run_dir: str) -> None:
    from tfvae.training.config import SETTINGS
    from tfvae.training.runs.directory import RunDirectory
    from tfvae.training.settings import told

    run = RunDirectory(run_dir)
    config, history, evaluation = run.config(), run.read_history(), run.read_evaluation()
    print(run.path)
    for name, value in config.to_json().items():
        if told(SETTINGS[name], value):
            print(f"  {name:<27} {value}")
    print(f"epochs done {len(history)} of {config.epochs}")
    if history:
        print("last epoch  " + ", ".join(f"{name} {value:g}" for name, value in history[-1].items()))
    print(f"model       {run.model_file if run.model_file.is_file() else 'none yet'}")
    for name, value in (evaluation or {"evaluation": "none yet"}).items():
        text = str(value)
        print(f"  {name:<32} {text if len(text) <= WIDEST else 'see ' + run.evaluation_file.name}")
    summary.tell_all(run)
