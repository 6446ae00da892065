"""Splits that never mix, and pixels that keep their meaning.

Mutations, each seen to break a test here: the digits' test set drawn with the seed or off the end, held-out examples
left in `train`, labels not permuted with their images, an own validation split merged into `train`, 0/1 bytes divided
by 255, the range decided per split.
"""

import zlib

import numpy as np
import pytest
from kit.images import numbered, numbers, one_line
from sklearn.datasets import load_digits

from tfvae.checks import UserError
from tfvae.training import data


@pytest.fixture
def plain(npz):
    """100 training and 20 test images with labels, and no validation split."""
    train, test = numbered(100), numbered(120)[100:]
    return npz(x_train=train, x_test=test, y_train=np.arange(100), y_test=np.arange(100, 120))


def test_digits_are_split_once_and_wholly():
    digits = data.load("digits")
    assert [len(digits.train), len(digits.validation), len(digits.test)] == [1294, 144, 359]
    assert digits.image_shape == (8, 8, 1)
    bunch = load_digits()
    whole = zip(bunch.images, bunch.target, strict=True)
    pairs = [
        (*image.ravel(), label)
        for split in (digits.train, digits.validation, digits.test)
        for image, label in zip(split.images * 16, split.labels, strict=True)
    ]
    assert sorted(pairs) == sorted((*image.ravel(), label) for image, label in whole)
    assert digits.train.images.dtype == np.float32
    assert digits.train.images.max() == 1.0


def test_only_the_validation_digits_follow_the_seed():
    first, again, other = (data.load("digits", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.test.images, other.test.images)
    np.testing.assert_array_equal(first.validation.images, again.validation.images)
    assert (first.validation.images != other.validation.images).any()


def test_the_test_digits_of_today_are_those_of_tomorrow():
    assert zlib.crc32(data.load("digits").test.images.tobytes()) == 0x347DA0BF


# Validation


def test_held_out_examples_leave_the_training_set(plain):
    split = data.load(plain)
    assert [len(split.train), len(split.validation), len(split.test)] == [90, 10, 20]
    assert sorted(numbers(split.train) + numbers(split.validation)) == list(range(100))
    assert numbers(split.test) == list(range(100, 120))
    for part in (split.train, split.validation, split.test):
        assert part.labels.dtype == np.int64
        assert part.labels.tolist() == numbers(part)


def test_the_seed_decides_who_is_held_out(plain):
    held_out = {
        seed: numbers(data.load(plain, validation_size=30, seed=seed).validation) for seed in (0, 1, -1)
    }
    assert all(len(set(examples)) == 30 for examples in held_out.values())
    assert len({tuple(examples) for examples in held_out.values()}) == 3
    assert numbers(data.load(plain, validation_size=30, seed=1).validation) == held_out[1]


def test_no_validation(plain):
    split = data.load(plain, validation_size=0)
    assert numbers(split.train) == list(range(100))
    assert split.validation.images.shape == (0, 2, 3, 1)
    assert len(split.validation) == len(split.validation.labels) == 0


def test_a_tenth_is_at_least_one(npz):
    split = data.load(npz(x_train=numbered(4), x_test=numbered(4)))
    assert [len(split.train), len(split.validation)] == [3, 1]
    assert split.train.labels is None


def test_an_own_validation_split_is_used_and_never_merged(npz):
    every = numbered(40)
    path = npz(x_train=every[:20], x_valid=every[20:30], x_test=every[30:], y_valid=np.arange(20, 30))
    assert numbers(data.load(path).validation) == list(range(20, 30))
    some = data.load(path, validation_size=4, seed=1).validation
    assert some.labels.tolist() == numbers(some)
    assert len(set(numbers(some))) == 4 and set(numbers(some)) < set(range(20, 30))
    assert (
        numbers(some)
        == numbers(data.load(path, validation_size=10, seed=2).validation)[:4]
        != [20, 21, 22, 23]
    )
    assert len(data.load(path, validation_size=0).validation) == 0
    for size in (None, 0, 4):
        assert numbers(data.load(path, validation_size=size).train) == list(range(20))
    with pytest.raises(UserError, match="larger than the validation split; expected 0 to 10; received 11"):
        data.load(path, validation_size=11)


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (-1, "received -1"),
        (100, "fewer than the 100"),
        (101, "received 101"),
        (0.5, "received 0.5"),
        (True, "True"),
    ],
)
def test_impossible_validation_sizes(plain, size, told):
    with pytest.raises(UserError, match=told):
        data.load(plain, validation_size=size)


def test_one_training_image_leaves_none_to_hold_out(npz):
    with pytest.raises(UserError, match="nothing to train on"):
        data.load(npz(x_train=numbered(1), x_test=numbered(4)))


# Pixels


@pytest.mark.parametrize(
    ("train", "test", "dtype", "expected"),
    [
        (np.uint8([0, 255]), np.uint8([3, 4]), np.uint8, [0, 255, 3, 4]),
        (np.uint8([0, 255]), np.uint8([0, 0]), np.uint8, [0, 255, 0, 0]),
        (np.int64([0, 255]), np.int32([3, 4]), np.uint8, [0, 255, 3, 4]),
        (np.uint8([0, 1]), np.uint8([1, 1]), np.float32, [0, 1, 1, 1]),
        (np.array([False, True]), np.array([True, True]), np.float32, [0, 1, 1, 1]),
        (np.float64([0, 0.25]), np.float32([0.5, 1]), np.float32, [0, 0.25, 0.5, 1]),
        (np.float64([0, 51]), np.float32([255, 2]), np.float32, np.float32([0, 51, 255, 2]) / 255),
    ],
    ids=["bytes", "black", "integers", "0/1 bytes", "booleans", "unit floats", "byte floats"],
)
def test_pixels_keep_their_meaning(npz, train, test, dtype, expected):
    shape = (2, 1, 1, 1)
    split = data.load(npz(x_train=train.reshape(shape), x_test=test.reshape(shape)), validation_size=0)
    images = np.concatenate([split.train.images, split.test.images])
    assert images.dtype == dtype
    np.testing.assert_array_equal(images.ravel(), np.asarray(expected, dtype))


@pytest.mark.parametrize(
    ("train", "test", "told"),
    [
        (np.float32([0, 255]), np.float32([0, 0.9]), "scaled differently"),
        (np.uint8([0, 255]), np.uint8([0, 1]), "scaled differently.*train up to 255, test up to 1"),
        (
            np.float32([-1, 1]),
            np.float32([0, 1]),
            r"out of range; expected all in \[0, 1\] or all in \[0, 255\].*-1",
        ),
        (np.int32([0, 255]), np.int32([0, 256]), "out of range.*minimum 0, maximum 256"),
        (np.float32([0, 1.25]), np.float32([0, 1]), "out of range.*maximum 1.25"),
    ],
)
def test_pixels_without_a_clear_meaning_are_refused(npz, train, test, told):
    shape = (2, 1, 1, 1)
    with pytest.raises(UserError, match=told) as caught:
        data.load(npz(x_train=train.reshape(shape), x_test=test.reshape(shape)))
    one_line(caught)


def test_rank_three_images_get_a_channel(npz):
    split = data.load(npz(x_train=numbered(10, (4, 5)), x_test=numbered(3, (4, 5))))
    assert split.image_shape == split.test.images.shape[1:] == (4, 5, 1)


def test_levels_are_those_of_every_split(npz):
    two, sixteen = np.array([[[0.0, 1.0]]], np.float32), np.array([[[0.0, 0.0625]]], np.float32)
    many = np.repeat(two, 4, axis=0)
    assert data.load(npz(x_train=many, x_test=two)).levels() == 2
    assert data.load(npz(x_train=many, x_test=sixteen)).levels() == 17
    assert data.load(npz(x_train=many, x_valid=sixteen, x_test=two)).levels() == 17


def test_the_fingerprint_tells_labels_apart(npz):
    images, labels = np.zeros((6, 2, 2), np.uint8), np.arange(6)
    images[:, 0, 0], images[:, 1, 1] = labels, 255
    marks = {
        data.load(npz(x_train=images, x_test=images[:2], y_train=train, y_test=test)).fingerprint()
        for train in (labels, labels[::-1])
        for test in (labels[:2], labels[1:3])
    }
    assert len(marks) == 4


def test_mean_pixel_and_greyness(npz):
    images = np.random.default_rng(0).integers(0, 256, (300, 2, 2, 3), np.uint8)
    ink = np.where(images > 99, np.uint8(255), np.uint8(0))
    grey, black_and_white = (
        data.load(npz(x_train=x, x_test=images), validation_size=0) for x in (images, ink)
    )
    np.testing.assert_allclose(grey.mean_pixel(), (images / 255).mean(axis=0), rtol=1e-6)
    assert grey.mean_pixel().dtype == np.float32
    assert grey.is_grey() and not black_and_white.is_grey()
    floats = data.load(npz(x_train=ink / 255, x_test=ink / 255), validation_size=0)
    assert floats.train.images.dtype == np.float32 and not floats.is_grey()
    np.testing.assert_allclose(floats.mean_pixel(), black_and_white.mean_pixel(), rtol=1e-6)
    assert data.load(npz(x_train=images / 255, x_test=ink / 255)).is_grey()


# Labels as conditions


@pytest.mark.parametrize("label", [-1, 1_000_000])
def test_labels_that_are_no_classes_make_no_condition(plain, npz, label):
    whole = data.load(plain)
    whole.check_condition("label")
    rows = whole.condition_of("label", whole.test)["vectors"]
    assert rows.shape == (20, 120) and (rows.argmax(axis=1) == whole.test.labels).all() and rows.sum() == 20
    labels = np.zeros(30, np.int64)
    labels[:15] = label
    loaded = data.load(npz(x_train=numbered(30), x_test=numbered(30), y_train=labels, y_test=labels))
    with pytest.raises(UserError, match=f"are no classes.*{label}"):
        loaded.check_condition("label")
