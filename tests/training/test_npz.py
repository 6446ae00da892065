"""One clear line, at once, for every .npz file that does not fit.

Mutations, each seen to break a test here: each single check of npz.py removed, pickles allowed, TensorFlow imported.
"""

import zipfile

import numpy as np
import pytest
from numbered import fresh_process, numbered, one_line

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
        ({"x_train": GOOD, "x_test": GOOD, "y_test": np.arange(5.0)}, r"y_test of .* float64"),
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
    assert seconds < 0.5
