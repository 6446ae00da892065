"""Runs with likelihoods of grey and stored pixels: what goes with what, and bits per dimension.

Mutations, each seen to break a test here: dynamic binarisation left as the default of every likelihood; bits of
log 10, or not divided by the pixels; bits reported for a density; a learned scale that starts at 1, from the variance
of grey pixels where they are binarised, or from that of the pixels that a condition gives.
"""

import json
import math

import numpy as np
import pytest

from tfvae import cli, presets
from tfvae.checks import UserError
from tfvae.training import choosing, data, loop
from tfvae.training.config import Config
from tfvae.training.runs import loading

RNG = np.random.default_rng(0)
TINY = ["--epochs", "1", "--latent-size", "2", "--figures-every", "0"]


def grey(count=12):
    return RNG.random((count, 8, 8)).astype(np.float32)


@pytest.mark.parametrize("name", presets.LIKELIHOODS)
def test_binarisation_follows_the_likelihood(name):
    expected = "dynamic" if name == "bernoulli" else "none"
    assert Config.resolve({"likelihood": name}).binarize == expected
    if not presets.LIKELIHOODS[name].takes_binary:
        for mode in ("dynamic", "static", "threshold"):
            with pytest.raises(UserError, match="--binarize none") as told:
                Config.resolve({"likelihood": name, "binarize": mode})
            assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", [name for name, row in presets.LIKELIHOODS.items() if not row.keeps_units])
def test_a_preset_takes_every_likelihood_with_the_levels_of_the_data(name):
    config = Config.resolve({"likelihood": name, "latent_size": 2})
    model = loop.build(config, loading.load_data(config))
    head = model.likelihood_head
    assert head.levels == (17 if presets.LIKELIHOODS[name].value_kind == "levels" else None)
    assert np.isfinite(model.elbo(data.load("digits").test.images[:3])).all()


@pytest.mark.parametrize(
    ("images", "levels"),
    [
        (lambda: (255 * grey()).astype(np.uint8), 256),
        (lambda: np.round(255 * grey()) / 255, 256),
        (lambda: np.round(255 * grey()), 256),
        (lambda: np.round(16 * grey()) / 16, 17),
        (lambda: np.round(grey()), 2),
        (grey, None),
    ],
)
def test_levels_of_the_pixels(images, levels, npz):
    images = images()
    images.reshape(-1)[:2] = 0, images.max()
    assert data.load(npz(x_train=images, x_test=images[:3])).levels() == levels


def test_pixels_between_levels_are_refused_in_one_line(npz):
    path = npz(x_train=grey(), x_test=grey(3))
    for name in ("discretized-logistic", "discretized-logistic-mixture", "categorical"):
        with pytest.raises(UserError, match="on no levels") as told:
            loading.load_data(Config.resolve({"likelihood": name, "dataset": path, "batch_size": 4}))
        assert "\n" not in str(told.value)
    loading.load_data(
        Config.resolve({"likelihood": "continuous-bernoulli", "dataset": path, "batch_size": 4})
    )


COUNTS = RNG.poisson(3.0, size=(60, 5)).astype(np.float32)
OWN_UNITS = [name for name, row in presets.LIKELIHOODS.items() if row.keeps_units]


@pytest.mark.parametrize("name", OWN_UNITS)
def test_counts_and_positive_numbers_are_learned_in_their_own_units(name, npz):
    x = COUNTS + (0 if presets.LIKELIHOODS[name].scores == "counts" else 0.5)
    found = choosing.choose({"dataset": npz(x_train=x, x_test=x[:20]), "likelihood": name})
    assert (found.config.preset, found.config.standardize, found.config.binarize) == (
        "tabular",
        "none",
        "none",
    )
    loaded = loading.load_data(found.config, found.loaded)
    model = loop.build(found.config, loaded)
    mean = np.asarray(model.decode(np.zeros((1, model.latent_size), np.float32)))[0]
    assert mean.shape == (5,) and np.isfinite(model.elbo(loaded.test.images)).all()


@pytest.mark.parametrize(
    ("name", "bad", "expected"),
    [
        ("poisson", -1.0, "1 values in its train split that are no counts.*received -1 in example"),
        ("negative-binomial", 0.5, "expected whole numbers >= 0; received 0.5"),
        ("gamma", 0.0, "no positive numbers, which likelihood gamma needs; expected numbers > 0; received 0"),
    ],
)
def test_values_that_are_no_counts_are_refused_in_one_line(name, bad, expected, npz):
    x = COUNTS + 1
    x[7, 2] = bad
    settings = {"dataset": npz(x_train=x, x_test=x[:5] * 0 + 1), "likelihood": name, "preset": "tabular"}
    with pytest.raises(UserError, match=expected) as told:
        loading.load_data(Config.resolve(settings | {"batch_size": 4, "validation_size": 0}))
    assert "\n" not in str(told.value)


def test_pixels_are_no_counts_and_counts_are_not_standardised():
    with pytest.raises(UserError, match=r"digits holds .* no counts.*pixels are scaled"):
        loading.load_data(Config.resolve({"likelihood": "poisson"}))
    with pytest.raises(UserError, match="in their own units; expected --standardize none"):
        Config.resolve({"likelihood": "gamma", "standardize": "columns"})


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param("discretized-logistic-mixture", marks=pytest.mark.slow), "normal-optimal"]
)
def test_bits_per_dimension_are_for_stored_pixels_alone(name, tmp_path, capsys):
    run = str(tmp_path / "run")
    assert cli.main(["train", "--run-dir", run, "--likelihood", name, *TINY]) == 0
    assert cli.main(["evaluate", run, "--num-samples", "5", "--limit", "20"]) == 0
    said = capsys.readouterr().out
    found = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert found["likelihood"] == name
    if name == "normal-optimal":
        assert "bits_per_dimension" not in found and "bits per dimension" not in said
        assert 0 < found["likelihood_scale"] < 1 and "scale of the likelihood" in said
        return
    assert found["levels"] == 17
    assert found["bits_per_dimension"] == pytest.approx(found["nll"] / 64 / math.log(2), rel=1e-9)
    assert 1.0 < found["bits_per_dimension"] < math.log2(17) + 0.5
    assert f"{found['bits_per_dimension']:.4f}" in said and "17 levels" in said


SPREADS = {  # of pixels that are 0 or 1, or grey, and how a run sees them
    "none": lambda x: x.var(axis=0).mean(),
    "dynamic": lambda x: (x.mean(axis=0) * (1 - x.mean(axis=0))).mean(),
    "threshold": lambda x: (x > 0.5).var(axis=0).mean(),
}


@pytest.mark.parametrize("binarize", SPREADS)
@pytest.mark.parametrize("preset", ["digits", "tutorial-400-20", "cvae-column", "conv"])
def test_a_learned_scale_starts_from_the_spread_of_the_data(preset, binarize, npz):
    size = {"digits": 8, "conv": 8}.get(preset, 28)
    images = (0.3 * RNG.random((30, size, size)) ** 3).astype(np.float32)
    settings = {"preset": preset, "likelihood": "normal", "binarize": binarize, "latent_size": 2}
    config = Config.resolve(settings | {"dataset": npz(x_train=images, x_test=images), "batch_size": 5})
    loaded = loading.load_data(config)
    model = loop.build(config, loaded)
    x = loaded.train.images[..., 0] if loaded.train.images.ndim == 4 else loaded.train.images
    x = x / np.float32(255) if x.dtype == np.uint8 else x
    seen = np.ones(x.shape[1:], bool)
    if preset == "cvae-column":
        seen = ~np.asarray(model.visible)[..., 0]
    expected = math.sqrt(SPREADS[binarize](x[:, seen].astype(np.float64)))
    found = float(model.likelihood_head.current_scale())
    assert (found == pytest.approx(expected or 1.0, rel=1e-4) and found < 0.6) or expected == 0


def test_a_preset_may_say_where_a_learned_scale_starts():
    config = Config.resolve({"preset": "ring"})
    model = loop.build(config, loading.load_data(config))
    assert float(model.likelihood_head.current_scale()) == pytest.approx(0.3)
