"""Splits that never mix, pixels that keep their meaning, and one clear line for every unfit data set.

Mutations, each seen to break a test here: the digits' test set drawn with the seed, held-out examples left in
`train`, labels not permuted with their images, an own validation split merged into `train`, 0/1 bytes divided by
255, the range decided per split, the network not asked or asked without a limit, TFDS files read in another order.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from tfvae.training import data, tfds_images

from tfvae.checks import UserError

TFDS_DATA_DIR = os.environ.get("TFDS_DATA_DIR")
real = pytest.mark.skipif(
    not (TFDS_DATA_DIR and Path(TFDS_DATA_DIR, "mnist").is_dir()),
    reason="TFDS_DATA_DIR names no folder with prepared MNIST",
)


def numbered(count, shape=(2, 3, 1), dtype=np.uint8):
    """Images that tell their own number, in all pixels."""
    return np.broadcast_to(
        np.arange(count, dtype=dtype).reshape(-1, *[1] * len(shape)), (count, *shape)
    ).copy()


def numbers(split):
    return split.images[:, 0, 0, 0].tolist()


@pytest.fixture
def npz(tmp_path):
    def write(**arrays):
        path = tmp_path / "images.npz"
        np.savez(path, **arrays)
        return str(path)

    return write


@pytest.fixture
def plain(npz):
    """100 training and 20 test images with labels, and no validation split."""
    train, test = numbered(100), numbered(120)[100:]
    return npz(x_train=train, x_test=test, y_train=np.arange(100), y_test=np.arange(100, 120))


def one_line(caught):
    message = str(caught.value)
    assert "\n" not in message
    return message


# Digits


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


def test_the_test_digits_are_a_fair_sample():
    counts = np.bincount(data.load("digits").test.labels, minlength=10)
    assert counts.min() >= 20  # 36 expected: sorted or truncated by class would empty some


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


# Unfit .npz files

GOOD = numbered(5)
NAN = np.zeros((3, 2, 2), np.float32)
NAN[1, 0, 1], NAN[2, 1, 1] = np.nan, np.inf


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        (
            {"x_test": GOOD, "images": GOOD},
            "has no x_train; expected arrays x_train and x_test; received images, x_test",
        ),
        ({"x_train": GOOD}, "has no x_test"),
        ({}, "has no x_train and no x_test.*received no arrays"),
        ({"x_train": GOOD[..., 0, 0], "x_test": GOOD}, r"x_train of .* wrong rank; .*received \(5, 2\)"),
        ({"x_train": GOOD, "x_test": GOOD[..., None]}, "x_test of .* wrong rank"),
        ({"x_train": GOOD, "x_test": GOOD[:0]}, "x_test of .* is empty"),
        (
            {"x_train": NAN, "x_test": NAN},
            r"x_train of .* has 2 values .* first at index \[1, 0, 1\]; .*received nan",
        ),
        ({"x_train": GOOD.astype(object), "x_test": GOOD}, "x_train of .* is an array of Python objects"),
        ({"x_train": GOOD.astype(str), "x_test": GOOD}, "x_train of .* does not hold numbers"),
        ({"x_train": GOOD.astype(complex), "x_test": GOOD}, "does not hold numbers.*complex"),
        (
            {"x_train": GOOD, "x_test": numbered(5, (3, 2, 1))},
            r"differ in image shape; .*train \(2, 3, 1\), test \(3, 2",
        ),
        (
            {"x_train": GOOD, "x_test": GOOD, "y_train": np.arange(4)},
            r"y_train of .* expected 5 integers.*\[4\]",
        ),
        ({"x_train": GOOD, "x_test": GOOD, "y_test": np.eye(5)}, r"y_test of .* float64"),
        ({"x_train": GOOD, "x_test": GOOD, "y_valid": np.arange(5)}, "y_valid but no x_valid"),
    ],
)
def test_unfit_arrays(npz, arrays, told):
    with pytest.raises(UserError, match=told) as caught:
        data.load(npz(**arrays))
    one_line(caught)


def archive_with_damaged_pixels(path):
    np.savez(path, x_train=numbered(100), x_test=GOOD)
    content = bytearray(path.read_bytes())
    content[400] ^= 0xFF
    path.write_bytes(content)


def archive_of_text(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train", "no array")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: None, "there is no file"),
        (lambda path: path.mkdir(), "cannot be read as .npz.*directory"),
        (lambda path: path.write_bytes(b""), "cannot be read as .npz"),
        (lambda path: path.write_bytes(b"PK\x03\x04 and no more"), "cannot be read as .npz"),
        (lambda path: path.write_bytes(b"\x80\x04."), "cannot be read as .npz"),
        (archive_with_damaged_pixels, "cannot be read as .npz.*CRC"),
        (archive_of_text, "cannot be read as .npz.*x_train is no array"),
    ],
    ids=["missing", "folder", "empty", "torn", "pickle", "damaged", "text"],
)
def test_unfit_files(tmp_path, make, told):
    path = tmp_path / "images.npz"
    make(path)
    with pytest.raises(UserError, match=told) as caught:
        data.load(str(path))
    assert str(path) in one_line(caught)


def fresh_process(code, **environment):
    """Runs code in a new interpreter and returns what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", "import json, sys, time\n" + code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_a_bad_file_is_answered_without_tensorflow(npz):
    code = f"""
from tfvae.training import data
data.datasets()
begin = time.monotonic()
try:
    data.load({npz(x_train=NAN, x_test=NAN)!r})
except ValueError:
    print(json.dumps([time.monotonic() - begin, [name for name in ("tensorflow", "sklearn") if name in sys.modules]]))
"""
    (seconds, heavy), _ = fresh_process(code)
    assert heavy == []
    assert seconds < 0.5


# TFDS


def builder_named(name, splits, *, side=3, label=True, pixels=256):
    """Registers a TFDS data set whose image n of a split holds the value n (modulo `pixels`)."""
    import tensorflow_datasets as tfds

    fields = {"image": tfds.features.Image(shape=(side, 2, 1)), "note": tfds.features.Text()}
    if label:
        fields["label"] = tfds.features.ClassLabel(num_classes=300)

    def examples(self, count):
        for n in range(count):
            example = {"image": np.full((3, 2, 1), n % pixels, np.uint8), "note": str(n), "label": n}
            yield n, {key: example[key] for key in fields}

    methods = {
        "__module__": __name__,
        "VERSION": tfds.core.Version("1.0.0"),
        "_info": lambda self: self.dataset_info_from_configs(features=tfds.features.FeaturesDict(fields)),
        "_split_generators": lambda self, manager: {s: self._generate_examples(n) for s, n in splits.items()},
        "_generate_examples": examples,
    }
    return type(name, (tfds.core.GeneratorBasedBuilder,), methods)


@pytest.fixture
def tfds_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def online(monkeypatch):
    monkeypatch.setattr(tfds_images, "_answers", lambda url, seconds: True)


def test_a_tfds_data_set_is_prepared_once_and_read_in_its_order(tfds_dir, online, monkeypatch):
    builder_named("ShadesOfGrey", {"train": 250, "test": 20})
    assert "shades_of_grey" not in data.datasets()[1]
    shades = data.load("shades_of_grey")
    assert f"prepared in {tfds_dir}: shades_of_grey" in data.datasets()[1]
    assert [len(shades.train), len(shades.validation), len(shades.test)] == [225, 25, 20]
    assert shades.image_shape == (3, 2, 1)
    assert sorted(numbers(shades.train) + numbers(shades.validation)) == list(range(250))
    for split in (shades.train, shades.validation, shades.test):
        assert split.labels.tolist() == numbers(split)

    monkeypatch.setattr(tfds_images, "_answers", lambda url, seconds: pytest.fail("the network was asked"))
    again = data.load("shades_of_grey")
    np.testing.assert_array_equal(again.train.images, shades.train.images)


def test_bits_stored_as_bytes_and_an_own_validation_split(tfds_dir, online):
    builder_named("BitsWithoutLabels", {"train": 5, "valid": 4, "test": 3}, label=False, pixels=2)
    bits = data.load("bits_without_labels")
    assert [len(bits.train), len(bits.validation), len(bits.test)] == [5, 4, 3]
    assert bits.train.labels is None
    assert set(numbers(bits.train)) == {0.0, 1.0}
    assert not bits.is_grey()


def test_tfds_data_sets_that_do_not_fit(tfds_dir, online):
    builder_named("TrainingOnly", {"train": 5})
    builder_named("ImagesOfAnySize", {"train": 5, "test": 5}, side=None)
    for name, told in (
        ("training_only", "lacks a split; expected splits train and test; received train$"),
        ("images_of_any_size", r"no set of images of one shape.*received shape \(None, 2, 1\)"),
        ("iris", "expected a feature `image`.*received iris with features, label"),
        ("imagenet_v2/no-such-config", "TFDS cannot make data set"),
        ("mnist:0.0.7", "TFDS cannot make data set"),
    ):
        with pytest.raises(UserError, match=told) as caught:
            data.load(name)
        one_line(caught)
    assert not (tfds_dir / "iris").exists()


def test_damaged_tfds_files_are_named(tfds_dir, online):
    builder_named("SoonDamaged", {"train": 50, "test": 5})
    data.load("soon_damaged")
    (records,) = tfds_dir.glob("soon_damaged/1.0.0/*train*")
    records.write_bytes(records.read_bytes()[:-100])
    with pytest.raises(
        UserError, match=r"prepared files of data set soon_damaged are damaged.*tfds build"
    ) as caught:
        data.load("soon_damaged")
    one_line(caught)


def test_a_failed_preparation_is_told_in_a_line(tfds_dir, online):
    def fail(self, manager):
        raise ConnectionResetError("the server\nhung up")

    builder_named("HangsUp", {"train": 5, "test": 5})._split_generators = fail
    with pytest.raises(
        UserError, match=r"preparing it failed; received ConnectionResetError.*tfds build hangs_up"
    ) as caught:
        data.load("hangs_up")
    one_line(caught)


@pytest.mark.parametrize(
    ("name", "closest"),
    [("cifr10", "cifar10, "), ("Mnist", "mnist, "), ("digit", "digits"), ("", "$")],
)
def test_unknown_names_meet_their_neighbours(name, closest):
    with pytest.raises(
        UserError, match=f"expected digits, an .npz file, or a TFDS image data set.*{closest}"
    ) as caught:
        data.load(name)
    one_line(caught)


def test_files_to_be_fetched_by_hand(tfds_dir):
    builder_named("ByHand", {"train": 5, "test": 5}).MANUAL_DOWNLOAD_INSTRUCTIONS = "Ask the authors."
    with pytest.raises(
        UserError, match=r"by_hand is not prepared in .* by hand; prepare it elsewhere with `tfds build"
    ):
        data.load("by_hand")


def test_a_silent_network_is_told_within_five_seconds(tmp_path):
    """From a fresh process, TFDS import included, with a name server that never answers; nothing else is printed."""
    code = """
import urllib.request
urllib.request.urlopen = lambda *args, **kwargs: time.sleep(60)
begin = time.monotonic()
from tfvae.training import data
try:
    data.load("cifar10")
except ValueError as error:
    print(json.dumps([time.monotonic() - begin, str(error)]))
"""
    begin = time.monotonic()
    (seconds, message), stderr = fresh_process(code, TFDS_DATA_DIR=str(tmp_path))
    assert seconds < 5 and time.monotonic() - begin < 10
    assert message == (
        f"data set cifar10 is not prepared in {tmp_path} and the network does not answer; "
        "received no answer from https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz; "
        "prepare it elsewhere with `tfds build cifar10` and set TFDS_DATA_DIR to the folder that holds it"
    )
    assert stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("outcome", "answers"),
    [
        (None, True),
        (urllib.error.HTTPError("http://x", 403, "forbidden", None, None), True),
        (urllib.error.HTTPError("http://x", 502, "bad gateway", None, None), False),
        (urllib.error.URLError("no route"), False),
        (TimeoutError(), False),
    ],
)
def test_what_counts_as_an_answer(monkeypatch, outcome, answers):
    class Reply:
        def close(self):
            pass

    def urlopen(url, timeout):
        if outcome is None:
            return Reply()
        raise outcome

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    assert tfds_images._answers("http://x", 1.0) is answers


@real
def test_mnist():
    begin = time.monotonic()
    mnist = data.load("mnist", validation_size=0)
    assert time.monotonic() - begin < 20
    assert [len(mnist.train), len(mnist.validation), len(mnist.test)] == [60000, 0, 10000]
    assert mnist.image_shape == (28, 28, 1)
    assert mnist.train.images.dtype == np.uint8
    assert mnist.mean_pixel().mean() == pytest.approx(0.13066, abs=2e-5)
    assert mnist.is_grey()
    assert np.bincount(mnist.train.labels).tolist() == MNIST_LABELS
    rest = data.load("mnist", seed=1)
    assert [len(rest.train), len(rest.validation)] == [54000, 6000]
    np.testing.assert_array_equal(rest.test.images, mnist.test.images)
    both = np.sort(mnist.train.images.reshape(60000, -1) @ np.arange(784))
    parts = np.concatenate([rest.train.images, rest.validation.images]).reshape(60000, -1) @ np.arange(784)
    np.testing.assert_array_equal(np.sort(parts), both)


MNIST_LABELS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


@real
def test_binarised_mnist():
    mnist = data.load("binarized_mnist")
    assert [len(mnist.train), len(mnist.validation), len(mnist.test)] == [50000, 10000, 10000]
    for split in (mnist.train, mnist.validation, mnist.test):
        assert split.images.dtype == np.float32
        assert set(np.unique(split.images)) == {0.0, 1.0}
        assert split.labels is None
    assert not mnist.is_grey()
    assert mnist.mean_pixel().mean() == pytest.approx(0.1306, abs=1e-3)
