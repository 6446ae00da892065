"""A linear VAE trained by `fit` reaches the maximum likelihood of probabilistic PCA.

Kills: any gradient with a wrong factor, a KL term or a scale that is not trained, a loss that is not the bound.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kit import linear_gaussian_model
from kit.linear_gaussian import LinearGaussian
from kit.ppca import ppca_max_log_likelihood


@pytest.mark.slow
def test_a_linear_vae_reaches_the_likelihood_of_probabilistic_pca():
    rng = np.random.default_rng(3)
    factors, noise = rng.normal(size=(400, 2)), rng.normal(size=(400, 6))
    x = (factors @ rng.normal(size=(2, 6)) + 0.5 * noise + rng.normal(size=6)).astype(np.float32)
    best = ppca_max_log_likelihood(x, 2)

    start = LinearGaussian(W=0.1 * rng.normal(size=(6, 2)), b=np.zeros(6), s=1.0)
    model = linear_gaussian_model.build(
        start, 0.1 * rng.normal(size=(2, 6)), np.zeros(2), np.eye(2), estimator="stl"
    )
    begun = start.log_marginal(x).mean()
    assert best - begun > 1.0
    steps = 3000
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.03, steps)))
    model.fit(tf.data.Dataset.from_tensors(x).repeat(steps), shuffle=False, verbose=0)

    learned = linear_gaussian_model.parameters(model)
    fitted = LinearGaussian(
        W=learned["W"].numpy().T, b=learned["b"].numpy(), s=float(np.exp(learned["log_s"].numpy()))
    )
    gap = best - fitted.log_marginal(x).mean()
    assert -1e-6 < gap < 2e-3
    bound = model.evaluate(x, batch_size=400, verbose=0, return_dict=True)["bound"]
    assert abs(bound - best) < 0.01
