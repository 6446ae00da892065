"""What a preset's recipe makes of a run: its optimiser, what it holds out, and where the likelihood's bias starts.

Mutations, each seen to break a test here: Adam's epsilon of the authors' code, under a mean loss; the epsilon left to
Keras; a tenth held out where 400 are; a bias that never starts at the mean image, or always does; the mean of the
pixels that a condition shows in place of the others.
"""

import numpy as np
import pytest

from tfvae import presets
from tfvae.presets import conditions
from tfvae.training import loop
from tfvae.training.config import Config
from tfvae.training.runs import loading


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Images whose pixels have means of their own."""
    probability = np.random.default_rng(0).random((28, 28))
    images = (np.random.default_rng(1).random((500, 28, 28)) < probability).astype(np.float32)
    path = tmp_path_factory.mktemp("data") / "images.npz"
    np.savez(path, x_train=images, x_test=images[:5])
    return str(path)


def build(path, preset, **settings):
    config = Config.resolve({"preset": preset, "dataset": path} | settings)
    loaded = loading.load_data(config)
    return loop.build(config, loaded), loaded


def logit(mean):
    clipped = np.clip(mean, 0.001, 0.999)
    return np.log(clipped / (1 - clipped))


@pytest.mark.parametrize("name", ["burda-1layer", "burda-2layer", "ladder-2layer"])
def test_the_recipe_of_burda(name):
    """3,280 epochs of batches of 20 of the 59,600 images that 400 of 60,000 leave. The sum over 20 examples with an
    epsilon of 1e-4, as in the authors' code, moves as the mean does with 5e-6."""
    recipe = presets.get(name).recipe
    assert recipe.epochs == sum(3**i for i in range(8)) and recipe.epsilon == 1e-4 / recipe.batch_size
    assert (recipe.batch_size, recipe.schedule, recipe.learning_rate) == (20, "burda", 1e-3)
    assert recipe.validation_size == 400


def test_the_optimiser_and_the_held_out_images_are_the_recipes(path):
    model, loaded = build(path, "burda-1layer")
    assert (len(loaded.train), len(loaded.validation)) == (100, 400)
    assert (model.optimizer.beta_1, model.optimizer.beta_2) == (0.9, 0.999)
    assert model.optimizer.epsilon == 5e-6 and float(model.optimizer.learning_rate) == pytest.approx(1e-3)
    bias = np.reshape(model.likelihood_head.logits_layer.linear.bias, (28, 28, 1))
    np.testing.assert_allclose(bias, logit(loaded.mean_pixel()), rtol=1e-4, atol=1e-5)


def test_the_tutorials_bias_starts_at_nought(path):
    model, loaded = build(path, "tutorial-400-20")
    assert len(loaded.validation) == 50 and model.optimizer.epsilon == 1e-7
    assert not np.any(model.likelihood_head.logits_layer.linear.bias)


@pytest.mark.parametrize("condition", ["column", "quadrant"])
def test_the_bias_of_a_conditional_run_is_that_of_the_pixels_which_are_not_shown(path, condition):
    model, loaded = build(path, f"regressor-{condition}")
    unseen = loaded.mean_pixel()[~conditions.mask(condition, (28, 28, 1))]
    bias = np.ravel(model.likelihood_head.logits_layer.linear.bias)
    np.testing.assert_allclose(bias, logit(unseen), rtol=1e-4, atol=1e-5)
