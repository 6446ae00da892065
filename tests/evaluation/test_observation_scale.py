"""The observation scale of a linear generator, where log p(x) = log N(x; b, W W^T + s^2 I) at every scale s.

Mutations, each seen to break a test here: the ceiling left out of the curve, s = a t in place of a / sqrt(t), graphs of
another scale kept, the scale of the model not put back after an error.
"""

import keras
import numpy as np
import pytest
from kit import linear_generator
from kit.stats import assert_mean_close

import tfvae
from tfvae import evaluation
from tfvae.checks import UserError

X = linear_generator.examples(60)
FEW = {"num_temperatures": 40, "num_chains": 4}


@pytest.fixture(scope="module")
def curve():
    return evaluation.scale_curve(linear_generator.build(), X, num_temperatures=100, num_chains=16)


def test_every_scale_of_the_curve_has_its_exact_likelihood(curve):
    places = [8, 14, 20, 25]
    exact = np.stack([linear_generator.oracle(curve.scales[i]).log_marginal(X) for i in places])
    ratios = np.exp(curve.log_prob[places] - exact)
    assert_mean_close(ratios.T, np.ones(4), smallest_bug=0.5)
    assert np.abs(np.log(ratios).mean(axis=1)).max() < 0.2


def test_the_best_scale_is_that_of_the_exact_likelihood(curve):
    expected = linear_generator.best_scale(X)
    assert abs(np.log(curve.vertex / expected)) < 0.03
    assert curve.scales[0] < expected / 2 and curve.scales[-1] > 2 * expected


def test_fitting_sets_it_and_the_file_keeps_it(tmp_path):
    model = linear_generator.build()
    scale = evaluation.fit_observation_scale(model, X, limit=30, **FEW)
    assert model.observation_scale == scale and 0.2 < scale < 0.4
    again = linear_generator.build(0.05)
    assert evaluation.fit_observation_scale(again, X, limit=30, **FEW) == scale
    model.save(tmp_path / "gan.keras")
    assert keras.saving.load_model(tmp_path / "gan.keras").observation_scale == scale


def test_annealing_follows_a_scale_that_changes():
    model = linear_generator.build(0.6)
    for scale in (0.6, 0.3):
        model.observation_scale = scale
        found = evaluation.ais(model, X[:20], 60, 32)
        exact = linear_generator.oracle(scale).log_marginal(X[:20])
        np.testing.assert_allclose(found.log_prob, exact, atol=1.0)
        assert abs((found.log_prob - exact).mean()) < 0.1
    assert model.ceiling() == pytest.approx(-2.5 * np.log(2 * np.pi * 0.3**2))


def test_bounds_of_simulated_examples_close():
    bounds = evaluation.bdmc(linear_generator.build(0.3), 40, 150, 8)
    assert -0.1 < bounds.gap < 0.4


def test_a_given_grid_is_refined_between_its_scales():
    model = linear_generator.build()
    scale = evaluation.fit_observation_scale(model, X, grid=[0.2, 0.3, 0.4, 0.5], **FEW)
    assert 0.25 < scale < 0.35


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ({"grid": [0.01, 0.02, 0.03]}, "largest at the last of the observation scales"),
        ({"grid": [1.0, 2.0]}, "grid of observation scales does not fit; .*at least 3"),
        ({"grid": [0.0, 1.0, 2.0]}, "grid of observation scales does not fit"),
        ({"num_temperatures": 0}, "num_temperatures"),
        ({"limit": 0}, "limit"),
        ({"validation_data": X[:0]}, "no examples to evaluate"),
        ({"validation_data": np.where(X > 0, np.nan, X)}, "NaN"),
        ({"validation_data": X[:, :3]}, "x"),
        ({"model": keras.layers.Dense(2)}, "a generator without a likelihood; .*received a Dense"),
    ],
)
def test_bad_input_is_one_line_and_keeps_the_scale(call, says):
    model = linear_generator.build(0.7)
    with pytest.raises(UserError, match=says) as caught:
        evaluation.fit_observation_scale(**({"model": model, "validation_data": X} | FEW | call))
    assert "\n" not in str(caught.value) and model.observation_scale == 0.7


@pytest.mark.parametrize("call", [evaluation.ais, evaluation.kernel_density])
def test_without_a_scale_there_is_no_likelihood(call):
    with pytest.raises(UserError, match=r"no observation scale.*fit_observation_scale"):
        call(linear_generator.build(), X, 2)


def test_importance_sampling_is_refused():
    with pytest.raises(UserError, match=r"needs a q\(z\|x\) .*received GAN; ais needs no"):
        evaluation.log_marginal(linear_generator.build(0.3), X)


def test_a_constant_generator_is_refused():
    model = linear_generator.build()
    model.generator_network.set_weights([0 * linear_generator.W.T, linear_generator.B])
    with pytest.raises(UserError, match="all samples of the generator are the same"):
        evaluation.fit_observation_scale(model, X)
    assert tfvae.evaluation.fit_observation_scale is evaluation.fit_observation_scale
