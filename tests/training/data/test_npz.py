"""One clear line, at once, for every .npz file that does not fit.

Mutations, each seen to break a test here: each single check of npz.py removed, pickles allowed, TensorFlow imported.
"""

import os
import zipfile

import numpy as np
import pytest
from kit.clock import contention
from kit.images import fresh_process, numbered, numbers, one_line

from tfvae import memory
from tfvae.checks import UserError
from tfvae.training import data

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
        ({"x_train": GOOD[..., 0, 0, 0], "x_test": GOOD}, r"x_train of .* wrong rank; .*received \(5,\)"),
        ({"x_train": GOOD, "x_test": GOOD[..., None]}, "x_test of .* wrong rank"),
        (
            {"x_train": GOOD, "x_test": GOOD[:, 0, :, 0]},
            r"differ in image shape; .*train \(2, 3, 1\), test \(3,\)",
        ),
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
        ({"x_train": GOOD, "x_test": GOOD, "y_test": np.arange(5.0)}, r"y_test of .* float64"),
        ({"x_train": GOOD, "x_test": GOOD, "y_valid": np.arange(5)}, "y_valid but no x_valid"),
        (
            {"x_train": GOOD, "x_test": GOOD, "c_valid": np.ones(5)},
            "c_valid but no x_valid; expected conditions",
        ),
        (
            {"x_train": GOOD, "x_test": GOOD, "c_train": np.eye(4)},
            r"c_train of .* shape \[5, ...\].*\[4, 4\]",
        ),
        (
            {"x_train": GOOD, "x_test": GOOD, "c_test": np.ones((5, 0))},
            r"c_test of .*received shape \[5, 0\]",
        ),
        ({"x_train": GOOD, "x_test": GOOD, "c_test": np.float64(3)}, r"c_test of .*received shape \[\]"),
        (
            {"x_train": GOOD, "x_test": GOOD, "c_train": np.ones((5, 2)), "c_test": np.ones((5, 3))},
            r"differ in condition shape; expected one shape of a condition; received train \(2,\), test \(3,\)",
        ),
        (
            {"x_train": GOOD, "x_test": GOOD, "c_train": np.full(5, "x")},
            "c_train of .* does not hold numbers",
        ),
        (
            {"x_train": GOOD, "x_test": GOOD, "c_train": np.array([0, 0, 1e300, 0, 0])},
            r"c_train of .* has 1 values .* index \[2\]; expected finite numbers that fit into float32",
        ),
        ({"x_train": GOOD, "x_test": GOOD, "c_test": np.float32([0, 0, 0, 0, np.nan])}, "c_test of .*NaN"),
        (
            {"x_train": GOOD, "x_test": GOOD, "y_test": np.full(5, 2**64 - 1, np.uint64)},
            "y_test of .* does not fit into int64; .*received 18446744073709551615",
        ),
        ({"\x1b[31mred": GOOD}, r"received \\x1b\[31mred"),
    ],
)
def test_unfit_arrays(npz, arrays, told):
    with pytest.raises(UserError, match=told) as caught:
        data.load(npz(**arrays))
    one_line(caught)


def test_conditions_stay_with_their_images(npz):
    x = numbered(30)
    path = npz(x_train=x[:20], x_test=x[20:], c_train=np.arange(20), c_test=np.arange(20, 30))
    loaded = data.load(path, validation_size=5, seed=3)
    loaded.check_condition("array")
    assert loaded.condition_shape("array") == (1,)
    for split in (loaded.train, loaded.validation, loaded.test):
        assert split.conditions.shape == (len(split), 1) and split.conditions.dtype == np.float32
        assert split.conditions[:, 0].tolist() == numbers(split)
        assert loaded.condition_of("array", split)["vectors"] is split.conditions
    before = data.load(path).fingerprint()
    other = data.load(npz(x_train=x[:20], x_test=x[20:], c_train=np.arange(1, 21), c_test=np.arange(20, 30)))
    assert other.fingerprint() != before
    with pytest.raises(UserError, match=r"no conditions of its train split; .* c_train in a .npz file"):
        data.load(npz(x_train=x[:20], x_test=x[20:])).check_condition("array")


def archive_with_damaged_pixels(path):
    np.savez(path, x_train=numbered(100), x_test=GOOD)
    content = bytearray(path.read_bytes())
    content[400] ^= 0xFF
    path.write_bytes(content)


def archive_with_password(path):
    np.savez(path, x_train=numbered(10), x_test=GOOD)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the bit of encryption
    path.write_bytes(content)


def archive_with_a_compression_of_its_own(path):
    np.savez(path, x_train=numbered(10), x_test=GOOD)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 10] = 77
    path.write_bytes(content)


def with_header(path, text, version=(1, 0)):
    """An archive whose x_train has another header than its numbers."""
    np.savez(path, x_train=numbered(10), x_test=GOOD)
    with zipfile.ZipFile(path) as archive:
        made = {name: archive.read(name) for name in archive.namelist()}
    header = text.encode() + b"\n"
    made["x_train.npy"] = (
        b"\x93NUMPY" + bytes(version) + len(header).to_bytes(2, "little") + header + bytes(640)
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in made.items():
            archive.writestr(name, content)


def archive_of_endless_shape(path):
    with_header(path, f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({10**30},), }}")


def archive_of_more_than_it_has(path):
    with_header(path, "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000), }")


def archive_of_an_unterminated_header(path):
    with_header(path, "{'descr': '<f4', 'fortran_order': False, 'shape': (10,")


def archive_of_a_program(path):
    with_header(path, "__import__('os').abort()")


def archive_of_another_version(path):
    with_header(path, "{}", (7, 0))


def archive_with_a_name_twice(path):
    np.savez(path, x_train=numbered(10), x_test=GOOD)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x_train", b"once more")


def archive_larger_than_the_memory(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (10, 1000, 1000), }\n"
        start = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header
        for name in ("x_train.npy", "x_test.npy"):
            archive.writestr(name, start + bytes(10**7))


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
        (archive_with_password, "cannot be read as .npz.*encrypted"),
        (archive_with_a_compression_of_its_own, "cannot be read as .npz.*compression"),
        (archive_of_text, "cannot be read as .npz.*x_train is no array"),
        (archive_of_endless_shape, "the shape of x_train is none"),
        (archive_of_more_than_it_has, "x_train says that it has 4000000000 bytes and has 640"),
        (archive_of_an_unterminated_header, "the header of x_train is damaged"),
        (archive_of_a_program, "the header of x_train is damaged"),
        (archive_of_another_version, "x_train is of an unknown version"),
        (archive_with_a_name_twice, "x_train is there twice"),
        (os.mkfifo, "cannot be read as .npz.*Not a regular file"),
    ],
    ids=[
        "missing",
        "folder",
        "empty",
        "torn",
        "pickle",
        "damaged",
        "encrypted",
        "compressed",
        "text",
        "endless",
        "more",
        "unterminated",
        "program",
        "version",
        "twice",
        "pipe",
    ],
)
def test_unfit_files(tmp_path, make, told):
    path = tmp_path / "images.npz"
    make(path)
    with pytest.raises(UserError, match=told) as caught:
        data.load(str(path))
    assert str(path) in one_line(caught)


def test_arrays_larger_than_the_memory_are_not_read(tmp_path, monkeypatch):
    path = tmp_path / "images.npz"
    archive_larger_than_the_memory(path)
    assert path.stat().st_size < 10**5
    monkeypatch.setattr(memory, "available", lambda: 1.5e7)
    with pytest.raises(
        UserError, match=r"the arrays would need at least 20 MB of memory; .* 15 MB available"
    ):
        data.load(str(path))


@pytest.mark.alone
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
    assert seconds < 0.5 * contention()
