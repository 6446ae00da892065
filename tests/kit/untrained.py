"""Runs whose model was not trained: enough for commands that ask a model for anything but a good fit."""

from tfvae.training.config import Config
from tfvae.training.runs.directory import RunDirectory


def untrained(folder, **settings):
    """Makes the directory of a run with these settings and a model at its start; returns the run."""
    from tfvae.training import loop
    from tfvae.training.runs import loading

    config, run = Config.resolve(settings), RunDirectory(folder)
    run.create(config, ["tfvae", "train"])
    loop.build(config, loading.load_data(config)).save(run.model_file)
    return run
