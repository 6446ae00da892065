"""Which source takes a name, what each is given, and .npy files.

Written against these mutations: every directory taken for images, options handed to sources without them,
the limit applied before the test set is drawn, vectors scaled by the test rows.
"""

import numpy as np
import pytest
from kit.images import numbered, numbers, one_line

from tfvae.checks import UserError
from tfvae.training import data
from tfvae.training.data import digits, folder, ica, npy, npz, ring, sources, table, tfds_images


@pytest.mark.parametrize(
    ("name", "module", "located"),
    [
        ("digits", digits, "digits"),
        ("ring", ring, "ring"),
        ("ica", ica, "ica"),
        ("a.npz", npz, "HERE/a.npz"),
        ("a/b.npy", npy, "HERE/a/b.npy"),
        ("./c.csv", table, "HERE/c.csv"),
        ("./digits", folder, "HERE/digits"),
        ("/data/images", folder, "/data/images"),
        ("images/", folder, "HERE/images/"),
        ("some/images", folder, "HERE/some/images"),
        ("some/where", tfds_images, "some/where"),
        ("mnist", tfds_images, "mnist"),
        ("digits:1.0.0", tfds_images, "digits:1.0.0"),
    ],
)
def test_names(name, module, located, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for made in ("some/images", "mnist"):
        (tmp_path / made).mkdir(parents=True)
    read = sources.of(name).read
    assert read is module.read or module.__name__.split(".")[-1] in read.__code__.co_names
    assert data.located(name) == located.replace("HERE", str(tmp_path))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"image_size": [8]}, "--image-size is for a folder of images; received data set digits"),
        ({"label_column": "a"}, "--label-column is for a .csv file; received data set digits"),
        ({"standardize": "columns"}, "digits is not standardised; expected vectors of a file"),
        ({"standardize": "rows"}, "unknown standardize"),
        ({"limit": 0}, "limit is not a positive integer"),
    ],
)
def test_options_of_other_sources(given, told):
    with pytest.raises(UserError, match=told):
        data.load("digits", **given)


def test_a_limit_takes_the_same_examples_of_each_split():
    whole, some, fewer = data.load("digits"), *(data.load("digits", limit=limit) for limit in (50, 20))
    assert [len(split) for split in (some.train, some.validation, some.test)] == [45, 5, 50]
    assert [len(split) for split in (fewer.train, fewer.validation, fewer.test)] == [18, 2, 20]

    def rows(split):
        return {image.tobytes() for image in split.images}

    assert rows(fewer.test) < rows(some.test) < rows(whole.test)
    assert len(data.load("digits", limit=10**6).train) == len(whole.train)
    assert some.fingerprint() == data.load("digits", limit=50).fingerprint()


@pytest.fixture
def save(tmp_path):
    def save(array):
        np.save(tmp_path / "one.npy", array)
        return str(tmp_path / "one.npy")

    return save


def test_npy_images(save):
    loaded = data.load(save(numbered(50, (2, 3))))
    assert loaded.image_shape == (2, 3, 1) and loaded.columns is None
    parts = (loaded.train, loaded.validation, loaded.test)
    assert [len(split) for split in parts] == [36, 4, 10]
    assert sorted(number for split in parts for number in numbers(split)) == list(range(50))


def test_npy_vectors(save):
    vectors = np.random.default_rng(0).normal(5.0, 3.0, (50, 4))
    path = save(vectors)
    loaded = data.load(path, standardize=None)
    assert loaded.image_shape == (4,) and loaded.columns.names == ["x0", "x1", "x2", "x3"]
    np.testing.assert_allclose(loaded.train.images.std(axis=0), 1.0, rtol=1e-6)
    np.testing.assert_allclose(
        np.sort(loaded.columns.units(loaded.test.images), axis=0),
        np.sort(data.load(path).test.images, axis=0),
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.arange(5.0), r"the array of .* has the wrong rank; expected shape \[N, H, W\].*\(5,\)"),
        (np.zeros((0, 3)), "is empty"),
        (
            np.array([[1.0, np.nan], [1.0, 2.0]]),
            r"1 values that are NaN or infinite, the first at index \[0, 1\]",
        ),
        (np.array([["a", "b"]]), "does not hold numbers"),
        (np.array([[object()]], object), "is an array of Python objects"),
        (np.array([[1e300, 1.0], [2.0, 3.0], [2.0, 3.0]]), "fit into float32"),
        (np.ones((1, 3)), "too few examples to split"),
    ],
)
def test_unfit_npy(save, array, told):
    with pytest.raises(UserError, match=told) as caught:
        data.load(save(array))
    one_line(caught)


def test_damaged_npy(save, tmp_path):
    path = save(np.ones((9, 3)))
    content = (tmp_path / "one.npy").read_bytes()
    for damaged in (b"", b"abc", content[:-5], content + b"more", content[:20]):
        (tmp_path / "one.npy").write_bytes(damaged)
        with pytest.raises(UserError, match=r"one\.npy cannot be read as \.npy") as caught:
            data.load(path)
        one_line(caught)
    with pytest.raises(UserError, match="there is no file"):
        data.load(f"{tmp_path}/none.npy")
