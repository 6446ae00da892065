"""Rate and distortion of a linear-Gaussian model with any q, in closed form.

Mutations, each seen to break a test here: rate and distortion swapped, log p(z) left out of the rate, a sum over
draws, the same noise for every block.
"""

import keras
import numpy as np
import pytest
from kit import linear_gaussian, linear_gaussian_model

from tfvae import Regressor, distributions
from tfvae.checks import UserError
from tfvae.evaluation import rate, rate_distortion

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("estimator", ["elbo", "elbo-analytic"])
def test_rate_and_distortion_in_closed_form(estimator, monkeypatch):
    monkeypatch.setattr(rate, "ROWS_PER_BLOCK", 64)
    oracle = linear_gaussian.LinearGaussian(W=RNG.normal(size=(3, 2)), b=np.array([0.3, -0.2, 0.1]), s=0.7)
    A, c, scale = RNG.normal(size=(2, 3)) / 2, np.array([0.2, -0.4]), np.array([0.5, 0.3])
    model = linear_gaussian_model.build(oracle, A, c, scale, estimator=estimator)
    x = RNG.normal(size=(150, 3)).astype(np.float32)
    point = rate_distortion(model, x, num_samples=200, seed=3)
    mean = x @ A.T + c
    rates = 0.5 * np.sum(mean**2 + scale**2 - 1.0 - 2.0 * np.log(scale), axis=1)
    residual = x - mean @ oracle.W.T - oracle.b
    squares = np.sum(residual**2, axis=1) + np.sum((oracle.W * scale) ** 2)
    distortions = squares / (2 * oracle.s**2) + 3 * np.log(oracle.s * np.sqrt(2 * np.pi))
    if estimator == "elbo-analytic":
        np.testing.assert_allclose(point.rates, rates, rtol=1e-4)
    for found, exact in ((point.rates, rates), (point.distortions, distortions)):
        gap = found - exact
        assert abs(gap.mean()) <= 5 * gap.std() / np.sqrt(150) + 1e-5 < 0.2
    assert point.rate == point.rates.mean() and point.distortion == point.distortions.mean()
    assert point.rate_standard_error == pytest.approx(point.rates.std(ddof=1) / np.sqrt(150))
    again = rate_distortion(model, x, num_samples=200, seed=4)
    assert not np.allclose(again.distortions, point.distortions)
    alike = rate_distortion(model, np.repeat(x[:1], 128, axis=0), num_samples=1).distortions
    assert not np.any(np.isclose(alike[:64], alike[64:]))


def test_a_model_without_latents_has_no_rate():
    model = Regressor(
        keras.layers.Identity(), condition_shape=(2,), likelihood=distributions.Normal(2, scale=1.0)
    )
    with pytest.raises(UserError, match="a Regressor has no latents"):
        rate_distortion(model, (np.zeros((3, 2), np.float32), np.zeros((3, 2), np.float32)))
