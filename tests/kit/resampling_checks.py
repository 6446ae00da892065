"""A backward pass through a few of K particles against that through all: checks that tests and mutations share."""

import numpy as np
import tensorflow as tf
from kit import discrete_models, linear_gaussian_model, step_gradients
from kit.gradient_checks import ORACLE, A, C, S, X
from kit.stats import assert_chi_square_uniform, assert_mean_close

from tfvae.models import resampling

K, COPIES, STEPS = 8, 100, 150


def spec(name):
    return {"name": name} | ({"groups": 2} if name in ("miwae", "piwae") else {})


def sample(name, backward, latents="continuous"):
    """Gradients and metrics at independent steps, those of `backward` = 0 at the same particles."""
    options = {"estimator": spec(name), "num_samples": K, "backward_particles": backward, "seed": 3}
    if latents == "discrete":
        model = discrete_models.build("two-layers", **options)
        x, variables = np.tile(discrete_models.X, (COPIES, 1)), discrete_models.variables(model)
    else:
        model = linear_gaussian_model.build(ORACLE, A, C, S, **options)
        x, variables = np.tile(X, (COPIES, 1)), linear_gaussian_model.parameters(model)
    if model.baseline is not None:
        variables |= {f"baseline {i}": v for i, v in enumerate(model.baseline.trainable_variables)}
    return step_gradients.sample(model, x, variables, STEPS)


def check(name, backward, latents="continuous"):
    full, full_figures = sample(name, 0, latents)
    few, few_figures = sample(name, backward, latents)
    assert few.keys() == full.keys() and few_figures.keys() == full_figures.keys()
    for figure, values in full_figures.items():
        np.testing.assert_allclose(few_figures[figure], values, rtol=1e-5, atol=1e-5, err_msg=figure)
    for variable, values in full.items():
        if variable.startswith("baseline"):
            np.testing.assert_allclose(few[variable], values, rtol=1e-4, atol=1e-5, err_msg=variable)
        else:
            gap, size = few[variable] - values, np.abs(values).mean()
            assert_mean_close(
                gap, np.zeros(values.shape[1:]), name=f"{name} {variable}", smallest_bug=max(0.2, size)
            )


def check_draw():
    """Each particle k is drawn m weights[k] times on average; strata of uniform weights hold one each."""
    draws, weights = 20_000, np.array([0.05, 0.45, 0.0, 0.2, 0.3])
    for m in (1, 3, 7):
        uniforms = np.random.default_rng(m).random((m, draws)).astype(np.float32)
        index = resampling.draw(tf.constant(np.tile(weights[:, None], draws), tf.float32), uniforms).numpy()
        assert index.shape == (m, draws) and index.dtype == np.int32
        counts = (index[..., None] == np.arange(5)).sum(axis=0)
        assert_mean_close(counts, m * weights, name=f"m = {m}", smallest_bug=0.03)
    first = index[0]
    place = np.random.default_rng(0).random(
        draws
    )  # a point inside the particle drawn makes equal cells of it
    cumulative = np.concatenate([[0.0], np.cumsum(weights)])
    single = resampling.draw(
        tf.constant(np.tile(weights[:, None], draws), tf.float32),
        np.random.default_rng(9).random((1, draws)).astype(np.float32),
    ).numpy()[0]
    where = cumulative[single] + place * weights[single]
    assert_chi_square_uniform(np.bincount((20 * where).astype(int), minlength=20), name="draw")
    assert set(first) <= {0, 1}
