"""Presets: a name alone makes a model."""

import numpy as np
import pytest

from tfvae import presets
from tfvae.checks import UserError


@pytest.mark.parametrize("name", presets.names())
def test_a_name_is_enough(name):
    model = presets.create(name)
    x = np.zeros((2, *model.event_shape), np.float32)
    assert model.reconstruct(x).shape == x.shape
    assert model.sample(3, seed=0).shape == (3, *model.event_shape)


@pytest.mark.parametrize(
    ("posterior", "prior"),
    [("diagonal", "standard"), ("full", "mixture"), ("householder", "vamp"), ("realnvp", "realnvp"),
     ("iaf", "mixture")],
)  # fmt: skip
def test_posteriors_and_priors_by_name(posterior, prior):
    model = presets.create("digits", widths=(4,), latent_size=3, posterior=posterior, prior=prior)
    assert type(model.posterior_head).__name__ == presets.POSTERIORS[posterior]
    assert type(model.prior_head).__name__ == presets.PRIORS[prior]
    assert model.sample(2, seed=0).shape == (2, 8, 8, 1)


def test_an_unknown_posterior_or_prior_is_refused():
    for options in ({"posterior": "planar"}, {"prior": "flat"}):
        with pytest.raises(UserError, match="unknown"):
            presets.create("digits", **options)


def test_a_preset_for_any_shape_takes_one():
    assert presets.create("conv").event_shape == (28, 28, 1)
    assert presets.create("conv", image_shape=(8, 12, 3)).event_shape == (8, 12, 3)
