"""Loading of a run's data set and of its trained model."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import presets
from tfvae.checks import UserError
from tfvae.training import data, quiet_tensorflow
from tfvae.training.config import Config
from tfvae.training.runs import keras_file
from tfvae.training.runs.directory import RunDirectory

OPTIONS = (
    "validation_size",
    "limit",
    "standardize",
    "label_column",
    "image_size",
)  # settings that `data.load` takes


def load_model(run: RunDirectory, plain_weights: bool = False) -> Any:
    """Loads the trained model of a run.

    Args:
        run: the run.
        plain_weights: whether a generator is to use its weights in place of their average.

    Raises:
        UserError: if there is none yet or its file is damaged, or the run kept no average of the weights.
    """
    check_plain_weights(run.config(), plain_weights)
    if not run.model_file.is_file():
        raise UserError(
            f"{run.path} holds no trained model",
            expected="model.keras",
            fix=f"finish the run with {run.resuming()}",
        )
    model = load_keras(run.model_file, fix=f"delete it and {run.resuming()} writes it anew", ours=True)
    if plain_weights:
        model.uses_average = False
    return model


def check_plain_weights(config: Config, plain_weights: bool) -> None:
    """Raises a `UserError` if the weights in place of their average are asked for in a run that kept none."""
    if plain_weights and config.ema is None:
        raise UserError(
            "the run kept no average of its generator's weights, which are used anyway",
            expected="no --plain-weights, or a run that was trained with --ema",
        )


def load_keras(path: Path, *, fix: str, compile: bool = True, ours: bool = False) -> Any:
    """Loads a .keras file, never with code of its own.

    Args:
        path: the file.
        fix: what to do about a damaged one.
        compile: whether to restore the optimiser too.
        ours: whether it must hold one of tfvae's models.

    Raises:
        UserError: if it is damaged or holds what is not wanted.
    """
    try:
        keras_file.check(path, ours)
        quiet_tensorflow.tensorflow()
        import keras

        return keras.saving.load_model(path, compile=compile, safe_mode=True)
    except MemoryError:
        raise
    except Exception as error:  # what a foreign file makes Keras, HDF5 and layers raise is any exception
        told = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise UserError(f"{path} is damaged", received=told[:200], fix=fix) from error


def load_data(config: Config, loaded: data.DataSet | None = None) -> data.DataSet:
    """Loads the data set of a run and checks that the run can use it.

    Warns where grey pixels meet a Bernoulli likelihood.

    Args:
        config: settings of the run.
        loaded: what `read_data` gave for these settings; None to read it.

    Raises:
        UserError: if it cannot be loaded, does not fit the preset, or is smaller than a batch.
    """
    loaded = loaded or read_data(config)
    presets.check_image_shape(presets.get(config.preset), loaded.image_shape)
    if config.likelihood is not None:
        _check_likelihood(config.likelihood, config, loaded)
    loaded.check_condition(config.condition)
    if config.batch_size > len(loaded.train):
        raise UserError(
            "the batch is larger than the data",
            expected=f"a batch size of at most {len(loaded.train)}, the training examples",
            received=config.batch_size,
        )
    if config.likelihood == "bernoulli" and config.binarize == "none" and loaded.is_grey():
        warnings.warn(
            "grey pixels under a Bernoulli likelihood: the bound is no log-likelihood; a likelihood of "
            "grey pixels (--likelihood continuous-bernoulli, --likelihood normal) or --binarize dynamic gives one",
            stacklevel=2,
        )
    return loaded


def read_data(config: Config, **others: Any) -> data.DataSet:
    """Reads the data set of a run.

    Args:
        config: settings of the run.
        **others: arguments of `data.load` in the place of those of the settings.
    """
    options = {name: getattr(config, name) for name in ("seed", *OPTIONS)}
    return data.load(config.dataset, **(options | others))


def _check_likelihood(likelihood: str, config: Config, loaded: data.DataSet) -> None:
    """Raises a `UserError` if the likelihood of a run cannot score its data."""
    row = presets.LIKELIHOODS[likelihood]
    fitting = [name for name, one in presets.LIKELIHOODS.items() if one.any_real]
    if row.keeps_units:
        _check_units(likelihood, config.dataset, loaded)
    elif len(loaded.image_shape) == 1 and (not row.any_real or config.binarize != "none"):
        raise UserError(
            f"the points of {config.dataset} are real numbers",
            expected=f"--likelihood {' or '.join(fitting)} with --binarize none",
            received=f"--likelihood {config.likelihood} with --binarize {config.binarize}",
        )
    if row.value_kind == "levels" and loaded.levels() is None:
        raise UserError(
            f"the pixels of {config.dataset} are on no levels, which likelihood {config.likelihood} needs",
            expected="8-bit pixels, or k / 255, k / 16 or 0 and 1",
            received="grey values between them",
            fix="store the pixels as uint8, or take --likelihood continuous-bernoulli",
        )


def _check_units(likelihood: str, dataset: str, loaded: data.DataSet) -> None:
    """Raises a `UserError` unless every value is a count, or positive, as the likelihood wants it."""
    row = presets.LIKELIHOODS[likelihood]
    whole = row.value_kind == "counts"
    for name in ("train", "validation", "test"):
        x = getattr(loaded, name).images
        x = x / np.float32(255) if x.dtype == np.uint8 else x
        unfit = (x < 0) | (x != np.rint(x)) if whole else x <= 0
        if unfit.any():
            first = tuple(int(index) for index in np.argwhere(unfit)[0])
            raise UserError(
                f"{dataset} holds {np.count_nonzero(unfit)} values in its {name} split that are no {row.scores}, which "
                f"likelihood {likelihood} needs",
                expected="whole numbers >= 0" if whole else "numbers > 0",
                received=f"{x[first]:g} in example {first[0]}",
                fix="take another likelihood; pixels are scaled to [0, 1]",
            )
