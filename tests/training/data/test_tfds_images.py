"""TFDS: prepared data sets are read as they are, others prepared or refused in time, in one line.

Mutations, each seen to break a test here: the network not asked, or asked without a limit, or asked for a prepared
data set; community data sets listed (a look at the network); rows of later blocks written over earlier ones; 0/1
bytes divided by 255; a validation split called `valid` overlooked.
"""

import os
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from kit.clock import contention, undisturbed
from kit.images import fresh_process, numbers, one_line

from tfvae.checks import UserError
from tfvae.training import data
from tfvae.training.data import tfds_images

TFDS_DATA_DIR = os.environ.get("TFDS_DATA_DIR")
real = pytest.mark.skipif(
    not (TFDS_DATA_DIR and Path(TFDS_DATA_DIR, "mnist").is_dir()),
    reason="TFDS_DATA_DIR names no folder with prepared MNIST",
)


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
    monkeypatch.setattr(tfds_images, "_ROWS", 100)
    assert "shades_of_grey" not in " ".join(data.datasets())
    shades = data.load("shades_of_grey")
    assert f"prepared in {tfds_dir}: shades_of_grey" in " ".join(data.datasets())
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
        UserError,
        match=f"expected digits, a file that ends in .npz, .npy or .csv, or a TFDS image data set.*{closest}",
    ) as caught:
        data.load(name)
    one_line(caught)


def test_files_to_be_fetched_by_hand(tfds_dir):
    builder_named("ByHand", {"train": 5, "test": 5}).MANUAL_DOWNLOAD_INSTRUCTIONS = "Ask the authors."
    with pytest.raises(
        UserError, match=r"by_hand is not prepared in .* by hand; prepare it elsewhere with `tfds build"
    ):
        data.load("by_hand")


@pytest.mark.alone
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
    before, begin = contention(), time.monotonic()
    (seconds, message), stderr = fresh_process(code, TFDS_DATA_DIR=str(tmp_path))
    slowed = (before + contention()) / 2
    assert seconds < 5 * slowed and time.monotonic() - begin < 10 * slowed
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


@pytest.mark.slow
@real
def test_mnist():
    found = []
    assert undisturbed(lambda: found.append(data.load("mnist", validation_size=0)), repeats=1) < 20
    (mnist,) = found
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


@pytest.mark.slow
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
