"""Presets: a name alone makes a model."""

import numpy as np
import pytest

from tfvae import presets


@pytest.mark.parametrize("name", presets.names())
def test_a_name_is_enough(name):
    model = presets.create(name)
    x = np.zeros((2, *model.event_shape), np.float32)
    assert model.reconstruct(x).shape == x.shape
    assert model.sample(3, seed=0).shape == (3, *model.event_shape)


def test_a_preset_for_any_shape_takes_one():
    assert presets.create("conv").event_shape == (28, 28, 1)
    assert presets.create("conv", image_shape=(8, 12, 3)).event_shape == (8, 12, 3)
