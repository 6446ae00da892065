"""The ring: the data are what the formula says, and a small VAE with a Normal likelihood puts its samples there.

Mutations, each seen to break a test here: the image of z without its tenth; splits that share their stream of noise.
"""

import numpy as np
import pytest
from matplotlib import image as png
from scipy import special

from tfvae.checks import UserError
from tfvae.training import data, loop
from tfvae.training.config import Config
from tfvae.training.data import ring
from tfvae.training.runs import loading
from tfvae.training.runs.directory import RunDirectory


def test_the_map():
    z = np.array([[3.0, 4.0], [-0.1, 0.0], [0.0, 2.0]])
    np.testing.assert_allclose(ring.ring(z), [[0.9, 1.2], [-1.01, 0.0], [0.0, 1.2]])


def test_the_data_are_normal_points_on_a_ring():
    """10 (|x| - 1) is the length of a normal of the plane: its square over 2 is exponential; the angle is uniform."""
    found = data.load("ring")
    assert found.image_shape == (2,) and found.levels() is None
    points = np.concatenate([split.images for split in (found.train, found.validation, found.test)])
    assert points.dtype == np.float32 and len(np.unique(points, axis=0)) == len(points) == 7000
    lengths = 10.0 * (np.linalg.norm(points.astype(float), axis=1) - 1.0)
    shares = 1.0 - np.exp(-(lengths**2) / 2.0)
    angles = (np.arctan2(*points.T) / (2 * np.pi)) % 1.0
    for uniform in (shares, angles):
        counts = np.histogram(uniform, 20, (0.0, 1.0))[0]
        assert special.chdtrc(19, np.sum((counts - 350.0) ** 2) / 350.0) > 1e-6
    again = data.load("ring")
    assert again.fingerprint() == found.fingerprint()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "digits", "dataset": "ring"}, "presets?.*ring"),
        ({"preset": "conv", "dataset": "ring"}, "presets?.*ring"),
        ({"preset": "ring", "dataset": "digits"}, r"expected shape \(2,\)"),
        ({"preset": "ring", "likelihood": "bernoulli"}, "real numbers"),
        ({"preset": "ring", "binarize": "dynamic"}, "real numbers"),
    ],
)
def test_what_does_not_go_with_it_is_refused_in_one_line(settings, message, tmp_path):
    with pytest.raises(UserError, match=message) as told:
        loop.train(Config.resolve(settings), RunDirectory(tmp_path / "run"))
    assert "\n" not in str(told.value) and not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_small_vae_puts_its_samples_on_the_ring(tmp_path):
    run = RunDirectory(tmp_path / "run")
    config = Config.resolve({"preset": "ring", "figures_every": 0})
    assert (config.dataset, config.likelihood, config.binarize) == ("ring", "normal", "none")
    loop.train(config, run, say=lambda line: None)
    model = loading.load_model(run)
    draws = np.asarray(model.sample(4000, seed=1, mean=False), np.float64)
    radius = np.linalg.norm(draws, axis=1)
    assert np.mean(np.abs(radius - 1.15) < 0.25) > 0.9, "the data lie there but for one in a million"
    assert np.median(radius) == pytest.approx(1.0 + np.sqrt(2 * np.log(2)) / 10, abs=0.03)
    counts = np.histogram(np.arctan2(*draws.T), 12, (-np.pi, np.pi))[0] / len(draws)
    assert counts.min() > 0.4 / 12 and counts.max() < 1.8 / 12, "the circle is covered"
    codes = np.asarray(model.encode(data.load("ring").test.images))
    assert codes.std(axis=0).min() > 0.5, "both latents are used"
    assert model.likelihood_head.own_metrics()["scale"] < 0.15
    for name in ("samples", "reconstructions", "latent_map", "loss_curves"):
        assert png.imread(run.figures / f"{name}.png")[..., :3].std() > 0.02, name
