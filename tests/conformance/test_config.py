"""`get_config` and `from_config` give the same architecture, and with the same weights the same outputs."""

import json

import keras
import pytest
from conformance import models
from conformance.cover import rows


def plain(config):
    """A config as JSON gives it back, without what Keras itself writes about functional models: that varies."""
    config = json.loads(json.dumps(config))
    return {k: v for k, v in config.items() if not isinstance(v, dict) or v.get("class_name") != "Functional"}


@pytest.mark.parametrize("name", rows())
def test_model(name):
    model = models.create(name)
    x = models.examples(model, 3)
    config = json.loads(json.dumps(model.get_config()))
    clone = type(model).from_config(config)
    clone.build()
    assert type(clone) is type(model)
    assert plain(clone.get_config()) == plain(config)
    assert [(v.name, v.shape) for v in clone.variables] == [(v.name, v.shape) for v in model.variables]
    assert getattr(clone, "estimator", None) == getattr(model, "estimator", None)
    clone.set_weights(model.get_weights())
    models.assert_same(models.outputs(clone, x), models.outputs(model, x))


@pytest.mark.parametrize("name", models.TABLE)
def test_parts(name):
    for part in models.parts(models.create(name)):
        saved = json.loads(json.dumps(keras.saving.serialize_keras_object(part)))
        clone = keras.saving.deserialize_keras_object(saved)
        assert type(clone) is type(part)
        again = keras.saving.serialize_keras_object(clone)
        assert plain({"part": again}) == plain({"part": saved})
        assert len(clone.get_weights()) == len(part.get_weights())


def test_clone_of_keras():
    model = models.create("iwae-mlp")
    clone = keras.models.clone_model(model)
    assert clone.get_config() == model.get_config() and clone.encoder is not model.encoder
