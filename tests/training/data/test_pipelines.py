"""Batches: every image once an epoch, fresh and independent bits, the same run from any epoch, no stall in `fit`.

Mutations, each seen to break a test here: shuffling with the seed alone, noise without the epoch or without the
step, one uniform shared by the rows of a batch or by the pixels of an image, / 256 for / 255, < turned to > or <=,
a last batch dropped, `static` not drawn at all, start_epoch ignored, autotuning left on, blocks of binarize_once
that restart the generator.
"""

import itertools
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from kit.stats import assert_chi_square_uniform, assert_mean_close

from tfvae.checks import UserError
from tfvae.training.data import pipelines

GREYS = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)  # every stored value, once


def numbered(count):
    """Images [count, 1, 1, 1] in [0, 1] that tell their own number."""
    return (np.arange(count, dtype=np.float32) / 1024).reshape(-1, 1, 1, 1)


def training(images, batch_size, *, epochs=1, seed=0, binarize="none", start_epoch=0):
    """Batches of the first `epochs` epochs as arrays."""
    batches = pipelines.training_pipeline(
        images, batch_size=batch_size, seed=seed, binarize=binarize, start_epoch=start_epoch
    )
    steps = epochs * pipelines.steps_per_epoch(len(images), batch_size)
    return list(itertools.islice(batches.as_numpy_iterator(), steps))


def epochs_of(images, batch_size, epochs, **kwargs):
    """The same with whole epochs stacked: [epochs, N, H, W, C]."""
    drawn = np.concatenate(training(images, batch_size, epochs=epochs, **kwargs))
    return drawn.reshape(epochs, *images.shape)


def test_every_epoch_holds_every_image_once_in_an_order_of_its_own():
    batches = training(numbered(10), 4, epochs=3)
    assert [len(batch) for batch in batches] == [4, 4, 2] * 3
    epochs = np.concatenate(batches).reshape(3, 10) * 1024
    np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(10), (3, 1)))
    assert len({tuple(epoch) for epoch in [*epochs, np.arange(10)]}) == 4


def test_the_order_follows_the_seed():
    first, again, other = (np.concatenate(training(numbered(50), 7, seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_every_image_is_as_likely_in_every_position():
    order = (epochs_of(numbered(8), 8, 800).reshape(800, 8) * 1024).astype(int)
    counts = np.zeros((8, 8))
    np.add.at(counts, (order, np.arange(8)), 1)
    assert_chi_square_uniform(counts, name="image x position")


@pytest.mark.parametrize("binarize", pipelines.BINARIZE)
def test_started_at_a_later_epoch_it_yields_what_it_would_have_yielded(binarize):
    images = np.random.default_rng(0).integers(0, 256, (11, 3, 2, 1), np.uint8)
    whole = training(images, 4, epochs=5, seed=3, binarize=binarize)
    resumed = training(images, 4, epochs=2, seed=3, binarize=binarize, start_epoch=3)
    assert len(resumed) == 6
    for expected, received in zip(whole[9:], resumed, strict=True):
        np.testing.assert_array_equal(received, expected)


def test_dynamic_pixels_are_one_with_the_probability_that_the_grey_value_states():
    images = np.tile(GREYS, (100, 1, 1, 1))
    draws = epochs_of(images, 32, 60, binarize="dynamic").reshape(-1, 256)
    assert set(np.unique(draws)) == {0.0, 1.0}
    assert_mean_close(draws, np.arange(256) / 255, name="grey value")


def test_dynamic_float_pixels_too():
    images = np.full((2000, 1, 1, 3), [0.0, 0.3, 1.0], np.float32)
    draws = np.concatenate(training(images, 100, epochs=10, binarize="dynamic")).reshape(-1, 3)
    assert_mean_close(draws, [0.0, np.float32(0.3), 1.0], smallest_bug=0.02)


def test_a_black_pixel_never_turns_white():
    """67 million draws, of which 8 would turn if a uniform of exactly 0 counted as below the grey value 0."""
    black = np.zeros((16, 2048, 2048, 1), np.uint8)
    assert not any(batch.any() for batch in training(black, 1, binarize="dynamic"))


def test_dynamic_noise_is_independent_between_pixels_rows_steps_and_epochs():
    images = np.full((8, 2, 2, 4), 0.5, np.float32)
    signs = (
        2 * epochs_of(images, 4, 400, binarize="dynamic").reshape(400, 128) - 1
    )  # 2 steps x 4 rows x 16 pixels
    first, second = np.triu_indices(128, 1)
    assert_mean_close(
        signs[:, first] * signs[:, second], 0.0, max_z=6, smallest_bug=0.5, name="pair in an epoch"
    )
    assert_mean_close((signs[1:] * signs[:-1]).ravel(), 0.0, smallest_bug=0.1, name="epoch to epoch")


def test_static_pixels_are_drawn_once():
    images = np.full((20, 8, 8, 1), 128, np.uint8)
    once = pipelines.binarize_once(images, "static", 7, "train")
    expected = sorted(image.tobytes() for image in once)
    for epoch in epochs_of(images, 6, 3, seed=7, binarize="static"):
        assert sorted(image.tobytes() for image in epoch) == expected


def test_threshold_and_none():
    batch = training(GREYS, 1, binarize="threshold")[0]
    np.testing.assert_array_equal(batch, (GREYS >= 128).astype(np.float32))
    grey = np.arange(256, dtype=np.float32).reshape(GREYS.shape) / 255
    np.testing.assert_array_equal(training(GREYS, 1)[0], grey)
    np.testing.assert_array_equal(pipelines.binarize_once(GREYS, "none", 0), grey)
    half = np.array([0.5, np.nextafter(np.float32(0.5), 1)], np.float32).reshape(1, 1, 2, 1)
    np.testing.assert_array_equal(pipelines.binarize_once(half, "threshold", 0).ravel(), [0, 1])


@pytest.mark.parametrize("images", [GREYS, GREYS / np.float32(255)], ids=["uint8", "float32"])
@pytest.mark.parametrize("binarize", pipelines.BINARIZE)
def test_batches_have_a_static_image_shape_and_no_end(images, binarize):
    batches = pipelines.training_pipeline(images, batch_size=1, seed=0, binarize=binarize)
    assert batches.element_spec == tf.TensorSpec([None, 16, 16, 1], tf.float32)
    assert batches.cardinality() == tf.data.INFINITE_CARDINALITY


def test_binarized_once_means_with_the_stated_probability():
    draws = pipelines.binarize_once(np.tile(GREYS, (6000, 1, 1, 1)), "dynamic", 0).reshape(6000, 256)
    assert set(np.unique(draws)) == {0.0, 1.0}
    assert_mean_close(draws, np.arange(256) / 255, name="grey value")
    signs = 2 * draws[:, 118:138] - 1
    signs -= 2 * np.arange(118, 138) / 255 - 1
    first, second = np.triu_indices(20, 1)
    assert_mean_close(signs[:, first] * signs[:, second], 0.0, smallest_bug=0.1, name="pair of pixels")
    assert_mean_close(signs[4096:] * signs[:-4096], 0.0, smallest_bug=0.2, name="pair of blocks")


def test_binarized_once_depends_on_the_seed_and_on_nothing_after_the_image():
    images = np.full((5000, 2, 2, 1), 100, np.uint8)
    bits = pipelines.binarize_once(images, "static", 1)
    np.testing.assert_array_equal(pipelines.binarize_once(images[:4500], "static", 1), bits[:4500])
    np.testing.assert_array_equal(pipelines.binarize_once(images, "dynamic", 1), bits)
    assert (pipelines.binarize_once(images, "static", 2) != bits).any()


def test_the_binarised_test_set_of_today_is_that_of_tomorrow():
    bits = pipelines.binarize_once(np.full((1, 4, 4, 1), 0.5, np.float32), "static", 0)
    assert "".join(str(int(bit)) for bit in bits.ravel()) == "0110110001010101"


def test_splits_share_no_noise():
    grey = np.full((50, 8, 8, 1), 0.5, np.float32)
    train, validation, test = (
        pipelines.binarize_once(grey, "static", 0, split) for split in ("train", "validation", "test")
    )
    for first, second in ((train, validation), (train, test), (validation, test)):
        assert abs((first == second).mean() - 0.5) < 5 * 0.5 / np.sqrt(grey.size)


def test_evaluation_keeps_order_and_all_examples():
    batches = pipelines.evaluation_pipeline(numbered(10), batch_size=4)
    assert batches.element_spec == tf.TensorSpec([None, 1, 1, 1], tf.float32)
    assert batches.cardinality() == 3
    drawn = list(batches.as_numpy_iterator())
    assert [len(batch) for batch in drawn] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate(drawn), numbered(10))


def test_evaluation_scales_stored_bytes_and_takes_an_empty_split():
    scaled = next(iter(pipelines.evaluation_pipeline(GREYS, batch_size=1))).numpy()
    np.testing.assert_array_equal(scaled.ravel(), np.arange(256, dtype=np.float32) / 255)
    assert list(pipelines.evaluation_pipeline(GREYS[:0], batch_size=5)) == []
    assert pipelines.binarize_once(GREYS[:0], "dynamic", 0).shape == (0, 16, 16, 1)


@pytest.mark.parametrize(("examples", "batch", "steps"), [(10, 5, 2), (11, 5, 3), (1, 5, 1), (0, 5, 0)])
def test_steps_per_epoch(examples, batch, steps):
    assert pipelines.steps_per_epoch(examples, batch) == steps


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"batch_size": 0}, "batch size is not a positive integer"),
        ({"batch_size": 11}, "batch size is larger than the data; expected 1 to 10 examples; received 11"),
        ({"binarize": "sometimes"}, "unknown binarize; expected one of dynamic, static, threshold, none"),
        ({"start_epoch": -1}, "start_epoch is negative"),
        ({"seed": 2**40}, "seed is not a 32-bit integer"),
        ({"images": np.zeros((10, 2, 2), np.float32)}, "these are no stored images"),
        ({"images": np.zeros((10, 2, 2, 1))}, "float64"),
    ],
)
def test_bad_arguments(change, told):
    arguments = {"images": numbered(10), "batch_size": 5, "seed": 0, "binarize": "none"} | change
    with pytest.raises(UserError, match=told):
        pipelines.training_pipeline(**arguments)


def test_autotuning_is_off():
    training = pipelines.training_pipeline(numbered(4), batch_size=2, seed=0, binarize="dynamic")
    for batches in (training, pipelines.evaluation_pipeline(numbered(4), batch_size=2)):
        assert batches.options().autotune.enabled is False
        assert batches.options().deterministic is True


class Idle(keras.Model):
    """A model whose step costs nothing, so that the pipeline is busy when `fit` ends."""

    def train_step(self, x):
        return {"mean": tf.reduce_mean(x)}


class LastStep(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.end = time.monotonic()


@pytest.mark.slow
@pytest.mark.alone
def test_fit_returns_when_its_last_step_has_ended():
    """With autotuning on, two in three ends of `fit` wait for a thread that sleeps 2^k x 10 ms, here 0.2 s each.

    The wait grows with the duration of `fit` to 5 s and more; many short runs show it more surely than a long one.
    """
    images = np.random.default_rng(0).integers(0, 256, (60000, 28, 28, 1), np.uint8)
    model, last = Idle(), LastStep()
    model.compile()

    def seconds_of_fit(steps):
        batches = pipelines.training_pipeline(images, batch_size=100, seed=0, binarize="dynamic")
        begin = time.monotonic()
        model.fit(batches, steps_per_epoch=steps, callbacks=[last], shuffle=False, verbose=0)
        return np.array([last.end - begin, time.monotonic() - last.end])

    seconds_of_fit(10)
    running, _ = seconds_of_fit(300)
    ends = [seconds_of_fit(round(300 * 0.45 / running))[1] for _ in range(15)]
    assert np.median(ends) < 0.1, ends


MASK = np.arange(16).reshape(4, 4, 1) % 4 == 2


def test_the_condition_is_taken_from_the_binarised_image():
    """Kills: a condition of grey pixels, or of another draw than the image beside it."""
    grey = np.random.default_rng(0).random((6, 4, 4, 1)).astype(np.float32)
    batches = pipelines.training_pipeline(grey, batch_size=4, seed=0, binarize="dynamic", visible=MASK)
    for condition, x in itertools.islice(batches.as_numpy_iterator(), 4):
        assert set(np.unique(x)) <= {0.0, 1.0}
        np.testing.assert_array_equal(condition, np.where(MASK, x, 0))
    plain = pipelines.training_pipeline(grey, batch_size=4, seed=0, binarize="dynamic")
    pairs = itertools.islice(zip(batches.as_numpy_iterator(), plain.as_numpy_iterator(), strict=True), 4)
    assert all(np.array_equal(x, alone) for (_, x), alone in pairs)
    ((condition, x),) = pipelines.evaluation_pipeline(grey, batch_size=6, visible=MASK).as_numpy_iterator()
    np.testing.assert_array_equal(condition, np.where(MASK, x, 0))
    np.testing.assert_array_equal(x, grey)


def test_a_vector_goes_with_its_own_image():
    vectors = np.arange(10, dtype=np.float32)[:, np.newaxis] * [1.0, -1.0]
    vectors = vectors.astype(np.float32)
    training = pipelines.training_pipeline(
        numbered(10), batch_size=4, seed=3, binarize="none", vectors=vectors
    )
    for batches in (
        itertools.islice(training.as_numpy_iterator(), 6),
        pipelines.evaluation_pipeline(numbered(10), batch_size=3, vectors=vectors).as_numpy_iterator(),
    ):
        for condition, x in batches:
            number = x.reshape(-1) * 1024
            np.testing.assert_array_equal(condition, np.stack([number, -number], axis=1))
