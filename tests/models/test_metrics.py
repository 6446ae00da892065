"""Names, order and direction of the metrics are right wherever Keras asks for them.

Written against these mutations: the list of a batch in the order of the alphabet; every direction "down"; the
directions left out of `metrics`; the metrics written into a `.keras` file.
"""

import keras
import numpy as np
import pytest
from conformance import models

NAMES = ["loss", "bound", "rate", "distortion", "effective_sample_size"]
ROWS = {"iwae-mlp": NAMES, "vae-mlp": NAMES[:-1], "regressor-label": ["loss", "bound", "distortion"]}
BETTER = {"loss": np.less, "bound": np.greater, "distortion": np.less, "effective_sample_size": np.greater}


def create(name, learning_rate=0.0):
    model = models.create(name)
    model.compile(keras.optimizers.SGD(learning_rate), run_eagerly=True)
    return model, models.data(model, models.examples(model, 6))


@pytest.mark.parametrize("name", ROWS)
def test_lists_are_in_the_order_of_the_names_the_loss_first(name):
    (one, data), (other, _) = create(name), create(name)
    assert one.metrics_names == ROWS[name]
    for method in ("train_on_batch", "test_on_batch", "evaluate"):
        quietly = {"verbose": 0} if method == "evaluate" else {}
        figures = getattr(one, method)(*data, return_dict=True, **quietly)
        assert set(figures) == set(ROWS[name])
        assert getattr(other, method)(*data, **quietly) == [figures[key] for key in ROWS[name]]


@pytest.mark.parametrize("figure", BETTER)
@pytest.mark.parametrize("prefix", ["", "val_"])
def test_callbacks_find_the_direction(figure, prefix, tmp_path):
    model, data = create("iwae-mlp")
    options = {"monitor": prefix + figure, "mode": "auto"}
    saved = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.weights.h5", save_best_only=True, save_weights_only=True, **options
    )
    watchers = [
        keras.callbacks.EarlyStopping(patience=9, **options),
        keras.callbacks.ReduceLROnPlateau(patience=9, **options),
        saved,
    ]
    history = model.fit(*data, epochs=3, validation_data=data, callbacks=watchers, verbose=0).history
    for watcher in watchers:
        assert watcher.monitor_op(1.0, 2.0) == BETTER[figure](1.0, 2.0)
    values = history[prefix + figure]
    assert saved.best == (max(values) if BETTER[figure] is np.greater else min(values))


def test_a_rate_is_not_better_high_or_low():
    model, data = create("vae-mlp")
    stop = keras.callbacks.EarlyStopping("rate")
    with pytest.raises(ValueError, match="mode='max'"):
        model.fit(*data, epochs=2, callbacks=[stop], verbose=0)


def test_metrics_read_the_means():
    model, data = create("iwae-mlp")
    figures = model.evaluate(*data, verbose=0, return_dict=True)
    each = model.metrics[-1].metrics
    assert [metric.name for metric in each] == NAMES
    assert [float(metric.result()) for metric in each] == [figures[name] for name in NAMES]
    model.reset_metrics()
    assert all(float(metric.result()) == 0.0 for metric in each)


def test_a_file_says_nothing_of_the_metrics():
    model, _ = create("iwae-mlp")
    assert model.get_compile_config()["metrics"] is None
