"""What a new run takes where its user left it open: a preset, a likelihood, a scaling and a batch that fit the data.

Written against these mutations: a setting that was given overruled, digits given a grey likelihood, MNIST's
pixels called grey, colours binarised, the batch of the preset kept for fewer examples, data read for a bad setting.
"""

import numpy as np
import pytest
from kit.images import numbered

from tfvae import presets
from tfvae.checks import UserError
from tfvae.training import choosing, data
from tfvae.training.choosing import choose
from tfvae.training.config import Config
from tfvae.training.runs import loading

RNG = np.random.default_rng(0)


def ink(*shape):
    """Images that are nearly black and white, as handwriting is."""
    return np.where(RNG.random(shape) < 0.2, 250, 3).astype(np.uint8)


def grey(*shape):
    return RNG.integers(0, 256, shape, np.uint8)


@pytest.fixture
def file(npz):
    return lambda images: npz(x_train=images, x_test=images[:20])


@pytest.mark.parametrize(
    ("images", "preset", "likelihood", "binarize", "told"),
    [
        (ink(150, 28, 28), "tutorial-400-20", "bernoulli", "dynamic", "grey pixels become black or white"),
        (
            grey(150, 28, 28),
            "tutorial-400-20",
            "discretized-logistic",
            "none",
            "are grey, not black or white",
        ),
        (grey(150, 12, 16, 3), "conv", "discretized-logistic", "none", "are colours; --binarize dynamic"),
        (ink(150, 12, 16, 3), "conv", "discretized-logistic", "none", "are colours"),
        (grey(150, 9, 7) / 256.7, "conv", "continuous-bernoulli", "none", "are grey"),
        (np.round(grey(150, 9, 7) / 255), "conv", "bernoulli", "dynamic", None),
        (RNG.normal(size=(150, 5)), "tabular", "normal-each", "none", "vectors of 5 numbers"),
        (RNG.normal(size=(150, 2)), "tabular", "normal-each", "none", "vectors of 2 numbers"),
    ],
    ids=["ink", "grey", "colours", "coloured ink", "grey floats", "black and white", "vectors", "points"],
)
def test_what_fits_the_data_is_chosen_and_told(file, images, preset, likelihood, binarize, told):
    choice = choose({"dataset": file(images)})
    config = choice.config
    assert (config.preset, config.likelihood, config.binarize) == (preset, likelihood, binarize)
    assert config.standardize == ("columns" if images.ndim == 2 else "none")
    lines = " / ".join(choice.told)
    assert lines.startswith(f"preset {preset}: fits ")
    assert told in lines if told else len(choice.told) == 1
    assert choice.loaded.fingerprint() == loading.load_data(config).fingerprint()


def test_what_was_given_stays(file):
    path = file(grey(150, 28, 28))
    given = {"dataset": path, "preset": "digits"}
    assert choose({"dataset": path, "binarize": "dynamic"}).config.likelihood == "bernoulli"
    assert choose({"dataset": path, "likelihood": "normal"}).config.likelihood == "normal"
    chosen = choose({"dataset": path, "preset": "conv", "likelihood": "bernoulli", "binarize": "none"})
    assert chosen.config.binarize == "none" and chosen.told == ()
    with pytest.raises(UserError, match=r"do not fit preset digits.*tutorial-400-20"):
        choose(given)
    numbers = file(RNG.normal(size=(150, 5)))
    plain = choose({"dataset": numbers, "standardize": "none"})
    assert plain.config.standardize == "none" and not plain.loaded.columns.standardized


def test_embedded_data_are_as_they_were():
    assert choose({}) == choosing.Choice(Config.resolve({}))
    assert choose({"preset": "conv"}).config == Config.resolve({"preset": "conv"})
    digits = choose({"dataset": "digits"})
    assert digits.config == Config.resolve({})
    ring = choose({"dataset": "ring"})
    assert ring.config == Config.resolve({"preset": "ring"}) and ring.told[0].startswith("preset ring")
    game = choose({"dataset": "digits", "preset": "gan"})
    assert game.config == Config.resolve({"preset": "gan"}) and game.told == ()


def test_a_condition_asks_for_a_preset_that_takes_one(file):
    path = file(ink(150, 10, 10))
    assert choose({"dataset": path, "condition": "column"}).config.preset == "cvae-column"
    small = choose({"dataset": file(ink(150, 28, 28)), "condition": "column"})
    assert small.config.preset == "tutorial-400-20"
    with pytest.raises(UserError, match="preset tabular takes no condition"):
        choose({"dataset": file(RNG.normal(size=(150, 5))), "condition": "label"})


def test_few_examples_make_small_batches(file):
    path = file(numbered(60, (8, 8)))
    choice = choose({"dataset": path})
    assert choice.config.batch_size == 54 // choosing.LEAST_STEPS
    assert f"batch size {choice.config.batch_size}: there are only 54 training examples" in choice.told
    with pytest.raises(UserError, match="the batch is larger than the data"):
        choose({"dataset": path, "batch_size": 80})
    limited = choose({"preset": "burda-1layer", "dataset": file(ink(900, 28, 28)), "limit": 40}).config
    assert limited.limit == 40 and limited.validation_size is None and limited.batch_size == 20


def test_bad_settings_are_refused_before_the_data_are_read(monkeypatch):
    monkeypatch.setattr(loading, "read_data", lambda *_, **__: pytest.fail("read"))
    for given in ({"epochs": 0}, {"preset": "none"}, {"image_size": [1, 2, 3]}, {"limit": 1}):
        with pytest.raises(UserError):
            choose({"dataset": "mnist"} | given)


@pytest.mark.parametrize("preset", presets.TABLE, ids=lambda preset: preset.name)
def test_every_likelihood_that_may_be_chosen_goes_with_every_preset(preset):
    if preset.compares is None and preset.likelihood == "bernoulli":
        for likelihood in ("discretized-logistic", "continuous-bernoulli"):
            Config.resolve({"preset": preset.name, "likelihood": likelihood})


def test_greyness():
    def of(images):
        split = data.Split(images)
        return data.DataSet("", split, split, split).greyness()

    assert of(np.full((2, 2, 2, 1), 0.5, np.float32)) == pytest.approx(1.0)
    assert (
        of(np.array([0.0, 1.0], np.float32).reshape(2, 1, 1, 1))
        == of(np.zeros((1, 1, 1, 1), np.float32))
        == 0.0
    )
    values = np.array([0, 51, 255, 255], np.uint8)
    expected = (0.2 * 0.8 / 4) / (0.55 * 0.45)
    assert of(values.reshape(4, 1, 1, 1)) == pytest.approx(expected)
