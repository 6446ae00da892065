"""The settings of a new run that the user left open and that depend on the data: preset, likelihood, scaling, batch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tfvae import presets
from tfvae.training import data
from tfvae.training.config import Config
from tfvae.training.runs import loading

GREY = 0.25  # of `DataSet.greyness`: above it grey pixels are not binarised unasked; MNIST has 0.16, Fashion-MNIST 0.39
LEAST_STEPS = 4  # of an epoch of a data set that is smaller than the batch of the preset


@dataclass(frozen=True)
class Choice:
    """The settings of a run.

    Attributes:
        config: the settings.
        loaded: its data set; None where it was not needed to choose.
        told: what was chosen for the data, and why, a line each.
    """

    config: Config
    loaded: data.DataSet | None = None
    told: tuple[str, ...] = ()


def choose(given: Mapping[str, Any]) -> Choice:
    """Returns the settings that were given, those that fit the data, and for the rest the preset's or the defaults.

    A data set that the preset brings along is not looked at: its settings are the preset's.

    Args:
        given: setting to value; those not given are absent or None.

    Raises:
        UserError: if a setting is out of range, before the data are read; if these cannot be read or do not fit.
    """
    config = Config.resolve(given)
    given = {name: value for name, value in given.items() if value is not None}
    if "dataset" not in given:
        return Choice(config)
    units = "none" if config.likelihood and presets.LIKELIHOODS[config.likelihood].keeps_units else None
    loaded = loading.read_data(config, standardize=given.get("standardize", units))
    told = []
    for setting, rule in RULES.items():
        if setting not in given and (found := rule(given, loaded)) is not None:
            given[setting], why = found
            told.append(f"{setting.replace('_', ' ')} {given[setting]}: {why}")
    final = Config.resolve(given)
    if final.validation_size != config.validation_size:
        return Choice(final, None, tuple(told))
    with warnings.catch_warnings(action="ignore"):  # the run warns
        loading.load_data(final, loaded)
    return Choice(final, loaded, tuple(told))


Fitting = tuple[Any, str] | None  # a value and why; None where the default of the preset will do


def _preset(given: Mapping[str, Any], loaded: data.DataSet) -> Fitting:
    shape = loaded.image_shape
    preset = presets.suited(shape, loaded.name, given.get("condition", "none"))
    what = " x ".join(map(str, shape)) + " images" if len(shape) == 3 else f"vectors of {shape[0]} numbers"
    return preset.name, f"fits {what}; --preset chooses another"


def _standardize(given: Mapping[str, Any], loaded: data.DataSet) -> Fitting:
    if loaded.columns is None or not loaded.columns.standardized:
        return None
    return (
        "columns",
        "numbers have mean 0 and standard deviation 1 in training, samples the units of the file",
    )


def _likelihood(given: Mapping[str, Any], loaded: data.DataSet) -> Fitting:
    """Returns a likelihood of grey pixels for images that binarisation would change much."""
    usual = presets.get(given["preset"]).likelihood if _has_likelihood(given) else None
    if usual != "bernoulli" or given.get("binarize", "none") != "none" or loaded.customary:
        return None
    if len(loaded.image_shape) != 3 or not loaded.is_grey():
        return None
    colours, greyness = loaded.image_shape[2] > 1, loaded.greyness()
    if not colours and greyness <= GREY:
        return None
    what = "the pixels are colours" if colours else "the pixels are grey, not black or white"
    fitting = "continuous-bernoulli" if loaded.levels() is None else "discretized-logistic"
    return fitting, f"{what}; --binarize dynamic makes them black or white at random"


def _binarize(given: Mapping[str, Any], loaded: data.DataSet) -> Fitting:
    """Returns the usual binarisation, to tell of it."""
    if not _has_likelihood(given) or len(loaded.image_shape) != 3 or not loaded.is_grey():
        return None
    if given.get("likelihood", presets.get(given["preset"]).likelihood) != "bernoulli":
        return None
    return (
        "dynamic",
        "grey pixels become black or white at random; --likelihood discretized-logistic keeps them grey",
    )


def _batch_size(given: Mapping[str, Any], loaded: data.DataSet) -> Fitting:
    usual, count = presets.get(given["preset"]).recipe.batch_size, len(loaded.train)
    if usual <= count:
        return None
    return max(1, count // LEAST_STEPS), f"there are only {count} training examples"


def _has_likelihood(given: Mapping[str, Any]) -> bool:
    return presets.get(given["preset"]).compares is None


RULES: dict[str, Callable[[Mapping[str, Any], data.DataSet], Fitting]] = {
    "preset": _preset,
    "standardize": _standardize,
    "likelihood": _likelihood,
    "binarize": _binarize,
    "batch_size": _batch_size,
}  # setting: what fits the data, in order, as each may look at those before it
