"""Blocks of an evaluation are cut by the largest tensor of its graph, whatever the model.

Mutations, each seen to break a test here: the size of an example alone; tensors that do not grow with the particles.
"""

import numpy as np
from kit import linear_gaussian_model
from kit.linear_gaussian import LinearGaussian

from tfvae import evaluation, presets
from tfvae.evaluation.memory import numbers_of_a_particle
from tfvae.examples import Examples

RNG = np.random.default_rng(0)


def test_it_is_the_likelihoods_parameters_where_a_value_has_many():
    model = presets.create("digits", likelihood="categorical", levels=17, widths=(3,))
    x = RNG.integers(0, 17, (2, 8, 8, 1)).astype(np.float32) / 16
    assert numbers_of_a_particle(model, Examples(x)) == 64 * 17


def test_it_is_the_widest_features():
    model = presets.create("conv", latent_size=2)
    assert numbers_of_a_particle(model, Examples(np.zeros((1, 28, 28, 1), np.float32))) >= 8 * 28 * 28


def test_weights_do_not_count():
    oracle = LinearGaussian(W=RNG.normal(size=(4, 2)), b=np.zeros(4), s=1.0)
    model = linear_gaussian_model.build(oracle, np.zeros((2, 4)), np.zeros(2), np.ones(2))
    assert numbers_of_a_particle(model, Examples(np.zeros((1, 4), np.float32))) == 4


def test_particles_are_taken_one_by_one_where_they_are_large(monkeypatch):
    from tfvae.evaluation import importance

    model = presets.create("digits", likelihood="categorical", levels=17, widths=(3,))
    x = RNG.integers(0, 17, (3, 8, 8, 1)).astype(np.float32) / 16
    monkeypatch.setattr(importance, "NUMBERS_PER_BLOCK", 16 * 64 * 17)
    sizes = []
    real = type(model).score

    def score(self, x, encoding, num_samples, *args, **kwargs):
        sizes.append(num_samples)
        return real(self, x, encoding, num_samples, *args, **kwargs)

    monkeypatch.setattr(type(model), "score", score)
    evaluation.log_marginal(model, x, 5)
    assert sizes[1:] == [1]  # traced once, for the first is that of the measurement
