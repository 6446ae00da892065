"""What Keras is set to globally does not reach the layers of tfvae: their channels come last and their weights are
float32. Layers of Keras' own that a model was given, as those of the linear rows, follow Keras' settings.

Written against these mutations: convolutions without a `data_format`; layers that take Keras' policy as it
is; metrics of Keras' `floatx`; arrays given to Keras' own `fit` under another `floatx`.
"""

import keras
import numpy as np
import pytest
from conformance import models

FIRST, *OTHERS = "cvae-image", "draw-attention", "iwae-autoregressive-mixture", "discrete-mlp-two-layers"
SETTINGS = {
    "channels first": lambda: keras.config.set_image_data_format("channels_first"),
    "float64": lambda: keras.config.set_floatx("float64"),
    "float16": lambda: keras.config.set_floatx("float16"),
    "float64 policy": lambda: keras.config.set_dtype_policy("float64"),
}
ALONE = [[setting] for setting in SETTINGS]
TOGETHER = [["channels first", "float64", "float64 policy"], ["float16"]]


@pytest.fixture
def defaults():
    """Restores what a test sets."""
    before = keras.config.image_data_format(), keras.config.floatx()
    yield
    keras.config.set_image_data_format(before[0])
    keras.config.set_floatx(before[1])
    keras.config.set_dtype_policy(before[1])


def trained(name):
    """What a row gives after a step, and its weights."""
    model = models.create(name)
    x = models.examples(model, 4) / 3.0 if name == "cvae-image" else models.examples(model, 4)
    models.compiled(model, keras.optimizers.SGD(0.125), run_eagerly=True)
    history = model.fit(*models.data(model, x), batch_size=4, verbose=0).history
    history |= model.evaluate(*models.data(model, x), verbose=0, return_dict=True)
    predicted = model.predict(models.inputs(model, x), verbose=0)
    outputs = models.outputs(model, x) | {"predicted": predicted}
    return model, outputs | {key: np.float32(value) for key, value in history.items()}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        (FIRST, ALONE),
        pytest.param(OTHERS[0], TOGETHER, marks=pytest.mark.slow),
        *(pytest.param(name, TOGETHER, marks=pytest.mark.nightly) for name in OTHERS[1:]),
    ],
)
def test_models(name, settings, defaults):
    keras.backend.clear_session()
    expected_model, expected = trained(name)
    for together in settings:
        keras.backend.clear_session()
        for setting in together:
            SETTINGS[setting]()
        model, found = trained(name)
        assert {weight.dtype for weight in model.weights} == {"float32"}, together
        for now, before in zip(model.get_weights(), expected_model.get_weights(), strict=True):
            np.testing.assert_array_equal(now, before, err_msg=str(together))
        models.assert_same(found, expected)
        keras.config.set_image_data_format("channels_last")
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
