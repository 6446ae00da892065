"""What an interactive session shows: models and results in one line, modules with their public names alone."""

import dataclasses
import importlib
import inspect
import types

import numpy as np
import pytest

import tfvae
from tfvae import distributions, evaluation, networks
from tfvae.evaluation import (
    AnnealedImportance,
    InferenceGap,
    KernelDensity,
    LogMarginal,
    PerExample,
    PosteriorMoments,
    Sandwich,
    find_anomalies,
)

ROOMS = sorted(set(tfvae.__all__) - {"training", "__version__"} - set(tfvae.models.__all__))
LOG_PROB = np.array([-1.0, -2.0, -3.0])


def create(**options):
    parts = {"posterior": distributions.DiagonalNormal(2), "likelihood": distributions.Bernoulli((3, 2))}
    return tfvae.IWAE(networks.MLP([4]), networks.MLP([5]), **parts, **options)


def test_a_model_shows_its_heads_its_estimator_and_its_size():
    model = create(num_samples=1000, estimator="dreg")
    heads = "posterior DiagonalNormal(2), prior StandardNormal(2), likelihood Bernoulli(3, 2)"
    assert repr(model) == f"<IWAE: {heads}, dreg with K = 1000, not built>"
    model.build()
    assert repr(model).endswith(f"dreg with K = 1000, {sum(map(np.size, model.get_weights())):,} parameters>")


@pytest.mark.parametrize("name", ["gan", "gmmn", "regressor-column", "burda-2layer"])
def test_every_kind_of_model_fits_on_a_line(name):
    said = repr(tfvae.presets.create(name))
    assert "\n" not in said and "parameters>" in said and len(said) < 250


def of(kind, **fields):
    """A result whose other arrays are ones."""
    names = [name for name in inspect.signature(kind).parameters if name not in fields]
    return kind(**{name: np.ones(3) for name in names} | fields)


def test_an_estimate_shows_its_error_its_particles_and_its_tails():
    result = of(LogMarginal, log_prob=LOG_PROB, pareto_k=np.array([0.1, 0.2, 3.0]), num_samples=5000)
    assert str(result) == "2.00 +- 0.58 nats, N = 3, K = 5,000, 33 % above the Pareto threshold"
    assert repr(result) == f"<LogMarginal: {result}>"
    few = of(LogMarginal, log_prob=LOG_PROB, pareto_k=np.full(3, np.nan), num_samples=10)
    assert str(few) == "2.00 +- 0.58 nats, N = 3, K = 10"
    exact = of(LogMarginal, log_prob=LOG_PROB[:1], pareto_k=np.array([-np.inf]), num_samples=1)
    assert str(exact) == "1.00 nats, N = 1, exact"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (
            lambda: of(AnnealedImportance, log_prob=LOG_PROB, num_temperatures=1000, num_chains=16),
            "2.00 +- 0.58 nats, N = 3, 16 chains, 1,000 temperatures",
        ),
        (
            lambda: of(KernelDensity, log_prob=LOG_PROB, num_samples=10000),
            "2.00 +- 0.58 nats, N = 3, K = 10,000 of the prior",
        ),
        (
            lambda: of(Sandwich, lower=LOG_PROB, num_temperatures=10, num_chains=2),
            "log p(x) from -2.00 +- 0.58 to 1.00 +- 0.00 nats, N = 3, 2 chains, 10 temperatures",
        ),
        (
            lambda: find_anomalies([-3.0, -90.0], range(-19, 0), 0.05),
            "1 of 2 examples score above 19.00 nats",
        ),
        (
            lambda: PosteriorMoments((np.ones((3, 2)), np.ones((3, 4))), (), 200),
            "2 and 4 units, N = 3, 200 draws",
        ),
        (lambda: PosteriorMoments((np.ones((3, 2)),), (), None), "2 units, N = 3, exact"),
        (
            lambda: of(
                evaluation.ActiveUnits,
                variances=(np.array([0.5, 0.0]), np.ones(3)),
                threshold=0.01,
                means=(np.ones((4, 2)), np.ones((4, 3))),
            ),
            "1 of 2 and 3 of 3 units above 0.01, N = 4",
        ),
        (lambda: of(evaluation.ClassesCovered, covered=np.array([True, False, True])), "2 of 3 classes"),
        (lambda: of(evaluation.Closest, log_prob=LOG_PROB), "N = 3, log p(x) -3.00 to -1.00 nats"),
        (
            lambda: of(evaluation.DifferentBins, different=np.arange(4) < 1, level=0.05),
            "0.250 +- 0.217 of 4 bins differ, level 0.05",
        ),
        (
            lambda: of(
                evaluation.ScaleCurve,
                scales=np.array([0.1, 0.2]),
                log_prob=np.stack([LOG_PROB, LOG_PROB + 1]),
            ),
            "log p(x) -1.00 +- 0.58 nats at scale 0.2, the best of 2 from 0.1 to 0.2, N = 3",
        ),
        (
            lambda: of(evaluation.RateDistortion, distortions=-LOG_PROB),
            "rate 1.00 +- 0.00, distortion 2.00 +- 0.58 nats, N = 3",
        ),
        (lambda: PerExample(LOG_PROB, np.zeros(3)), "-2.00 +- 0.58, N = 3"),
        (
            lambda: of(
                InferenceGap,
                **dict.fromkeys(
                    ("inference", "approximation", "amortization"), PerExample(-LOG_PROB, np.zeros(3))
                ),
                num_samples=100,
                steps=50,
            ),
            "inference gap 2.00 +- 0.58, approximation gap 2.00 +- 0.58, amortization gap 2.00 +- 0.58 nats, "
            "N = 3, K = 100, 50 steps",
        ),
    ],
)
def test_other_results_fit_on_a_line(result, words):
    assert repr(result()) == f"<{type(result()).__name__}: {words}>"


@pytest.mark.parametrize("name", evaluation.__all__)
def test_no_result_prints_its_arrays(name):
    """A dataclass of arrays has a `repr` of its own: that of `dataclasses` goes over many lines."""
    kind = getattr(evaluation, name)
    if dataclasses.is_dataclass(kind) and any(
        "np.ndarray" in str(field.type) for field in dataclasses.fields(kind)
    ):
        assert not kind.__dataclass_params__.repr


@pytest.mark.parametrize("room", ROOMS)
def test_dir_of_a_module_lists_its_public_names_alone(room):
    module = importlib.import_module(f"tfvae.{room}")
    assert dir(module) == sorted(module.__all__) and len(set(module.__all__)) == len(module.__all__)
    for name in dir(module):
        item = getattr(module, name)
        named = room == "presets" and name == "conditions"
        assert not name.startswith("_") and (named or not isinstance(item, types.ModuleType))


@pytest.mark.parametrize("name", ["VAE", "IWAE"])
def test_a_model_shows_its_arguments(name):
    arguments = list(inspect.signature(getattr(tfvae, name)).parameters)
    heads = ["posterior", "likelihood", "prior"]
    assert arguments == ["encoder", "decoder", *heads, "estimator", "num_samples", "kwargs"]
