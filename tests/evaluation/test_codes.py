"""Labels told from codes, and the classifier whose features samples are judged in.

Mutations, each seen to break a test here: the classifiers scored on the codes that they were fitted to, chance from
the test labels, units not scaled, a feature seed that is not used, a global seed that is, logits in place of features.
"""

import keras
import numpy as np
import pytest
from kit.marks import tiers

from tfvae.checks import UserError
from tfvae.evaluation import embed, features, knn_accuracy, linear_probe, train_features

RNG = np.random.default_rng(0)


def blobs(count, spread=0.1):
    labels = RNG.choice([2, 3, 7], count)
    centres = {2: [0.0, 0.0, 0.0], 3: [5.0, 0.0, 0.0], 7: [0.0, 5.0, 0.0]}
    return np.array([centres[label] for label in labels]) + spread * RNG.normal(size=(count, 3)), labels


@pytest.mark.parametrize("tell", [knn_accuracy, linear_probe])
def test_separable_codes_and_codes_of_nothing(tell):
    told = tell(*blobs(120), *blobs(90))
    assert told.accuracy == 1.0 and told.standard_error == 0.0 and told.count == 90
    noise = RNG.normal(size=(2400, 4))
    labels = RNG.choice(3, 2400)
    told = tell(noise[:1200], labels[:1200], noise[1200:], labels[1200:])
    assert told.standard_error == pytest.approx(np.sqrt(told.accuracy * (1 - told.accuracy) / 1200))
    assert abs(told.accuracy - 1 / 3) < 5 * told.standard_error < 0.1
    assert np.array_equal(np.bincount(labels[:1200]).argmax(), 0) or told.chance < 0.4
    assert told.chance == np.mean(labels[1200:] == np.bincount(labels[:1200]).argmax())


def test_chance_is_the_most_frequent_label_of_training():
    codes = RNG.normal(size=(10, 2))
    labels = np.array([1] * 6 + [0] * 4)
    assert knn_accuracy(codes, labels, codes[:3], np.array([0, 0, 1]), 1).chance == pytest.approx(1 / 3)


def test_a_probe_does_not_depend_on_the_units_of_the_codes():
    train, test = blobs(200, 1.5), blobs(200, 1.5)
    scale = np.array([1e-4, 1.0, 1e4])
    plain = linear_probe(*train, *test)
    scaled = linear_probe(train[0] * scale + 3.0, train[1], test[0] * scale + 3.0, test[1])
    assert 0.9 < plain.accuracy < 1.0 and scaled.accuracy == plain.accuracy


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda x, y: knn_accuracy(x, y, x, y, 31), "k is more than the training codes; expected 1 to 30"),
        (lambda x, y: linear_probe(x, 0 * y, x, y), "at least 2"),
        (lambda x, y: linear_probe(x, y, x, y[:-1]), "test codes and labels do not fit"),
        (lambda x, y: linear_probe(x, y.astype(float), x, y), "training codes and labels do not fit"),
        (lambda x, y: linear_probe(x, y, x[:, :2], y), "differ in width; expected 3; received 2"),
        (lambda x, y: knn_accuracy(np.where(x > 4, np.nan, x), y, x, y), "the training codes are not finite"),
        (lambda x, y: train_features(x, 0 * y), "a classifier needs several labels"),
        (lambda x, y: train_features(x, y[:-1]), "images and labels do not fit"),
    ],
)
def test_bad_codes_are_refused_in_one_line(call, told):
    with pytest.raises(UserError, match=told) as error:
        call(*blobs(30))
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("images", tiers([True, False], fast=[False]))
def test_features_of_a_classifier(images, monkeypatch, tmp_path):
    monkeypatch.setattr(features, "STEPS", 60)
    (x, y), (x_test, y_test) = blobs(300, 0.8), blobs(200, 0.8)
    if images:
        pattern = RNG.normal(size=(3, 25))
        x, x_test = ((codes @ pattern).reshape(-1, 5, 5, 1) for codes in (x, x_test))
    state = keras.utils.set_random_seed(1), np.random.get_state()[1].copy()
    model = train_features(x, y, seed=5, name="mine")
    assert np.array_equal(state[1], np.random.get_state()[1])
    found = embed(model, x_test)
    assert found["features"].shape == (200, features.WIDTH) and found["features"].min() == 0.0
    assert np.mean(np.unique(y)[found["logits"].argmax(axis=1)] == y_test) > 0.9
    keras.utils.set_random_seed(2)
    again = embed(train_features(x, y, seed=5), x_test)
    other = embed(train_features(x, y, seed=6), x_test)
    np.testing.assert_array_equal(found["features"], again["features"])
    assert not np.allclose(found["features"], other["features"])
    starts = [features._network((3,), 2, seed, "start").get_weights()[0] for seed in (5, 5, 6)]
    assert np.array_equal(starts[0], starts[1]) and not np.allclose(starts[0], starts[2])
    model.save(tmp_path / "features.keras")
    loaded = keras.saving.load_model(tmp_path / "features.keras", compile=False)
    assert loaded.name == "mine"
    np.testing.assert_array_equal(embed(loaded, x_test)["features"], found["features"])
