"""Files of images that are damaged, hostile or odd: `train` takes them, or refuses them in one line before it starts.

Mutations, each seen to break the test here: the command line from before headers were read first (see `npy`).
"""

import io
import pickle
import struct
import warnings
import zipfile

import numpy as np
import pytest
from kit import fuzz
from kit.judge import judge, judge_all

from tfvae.training import loop
from tfvae.training.runs import loading

CASES = 252
HUGE = 10**30
SHAPES = ["({0},)", "({0}, {0})", "(20, {0}, 8)", "(-1, 8, 8)", "(0, {0}, 8)", "(True, 8, 8)",
          "(20.0, 8, 8)", "()", "(" + "1, " * 100 + ")", "[20, 8, 8]", "None",
          "(20, 8, 8, {0})", "'20'", "(1000000, 1000000)"]  # fmt: skip
DTYPES = ["'|O'", "'<f2'", "'>f4'", "'<f8'", "'<f16'", "'<c8'", "'<U3'", "'<M8[s]'", "'|V5'", "'|b1'", "'<u8'",
          "[('a', '<f4')]", "'nothing'", "None", "7", "'<i1048576'", "'" + "x" * 3000 + "'"]  # fmt: skip
HEADERS = [b"{'descr': '<f4', 'fortran_order': False, 'shape': (20, 8", b"(" * 20_000, b"{" * 200, b"", b"\0" * 64,
           b"{'descr': __import__('os').system('touch pwned')}", b"9" * 6000, b"'" * 3, b"\xff\xfe\x1b[31m",
           b"{'descr': '<f4'}", b"{'descr': '<f4', 'fortran_order': 3, 'shape': (1,), 'x': 1}", b"[]",
           b"-" * 9000 + b"1"]  # fmt: skip
NAMES = ["\x1b[31mred", "x_train", "../../x_train.npy", "x_train.npy", "a" * 60_000, "", "x_test.npy/",
         "élan\u202e.npy",
         "y_valid.npy", "c_train.npy", "\\x00", "x_train.npy.npy", "new\nline"]  # fmt: skip


class Payload:
    """Makes a file where it is unpickled."""

    def __reduce__(self):
        return open, ("pwned", "w")


def arrays(rng):
    """What a good file holds."""
    labels = rng.integers(0, 3, 30)
    return {
        "x_train": rng.integers(0, 256, (20, 8, 8), dtype=np.uint8),
        "x_test": rng.integers(0, 256, (10, 8, 8), dtype=np.uint8),
        "y_train": labels[:20],
        "y_test": labels[20:],
    }


def members(given):
    """name.npy: bytes, of arrays."""
    made = {}
    for name, array in given.items():
        file = io.BytesIO()
        np.lib.format.write_array(file, np.asarray(array), allow_pickle=True)
        made[f"{name}.npy"] = file.getvalue()
    return made


def archive(made, method=zipfile.ZIP_STORED, more=()):
    """An archive of members, and of more pairs of name and bytes."""
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", method) as target:
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, content in [*made.items(), *more]:
            target.writestr(name, content)
    return file.getvalue()


def with_header(content, header, version=(1, 0), length=None):
    """The .npy bytes with another header."""
    end = 10 + struct.unpack("<H", content[8:10])[0]
    width = "<H" if version == (1, 0) else "<I"
    size = min(len(header), 65535) if version == (1, 0) else len(header)
    return (
        b"\x93NUMPY"
        + bytes(version)
        + struct.pack(width, size if length is None else length)
        + header
        + content[end:]
    )


def header_of(content):
    return content[10 : 10 + struct.unpack("<H", content[8:10])[0]]


def flipped(content, rng, count):
    content = bytearray(content)
    for place in rng.integers(0, len(content), count):
        content[place] ^= 1 << int(rng.integers(0, 8))
    return bytes(content)


def values(rng, kind):
    """Arrays whose values or types are odd."""
    given = arrays(rng)
    x, y = given["x_train"], given["y_train"]
    odd = [
        {"x_train": x.astype(np.float16) / 255, "x_test": given["x_test"].astype(np.float16) / 255},
        {"x_train": x.astype(np.longdouble) / 255, "x_test": given["x_test"].astype(np.longdouble) / 255},
        {"x_train": x.astype(">f4") / 255, "x_test": given["x_test"].astype(">f8") / 255},
        {"x_train": x.astype(">u2"), "x_test": given["x_test"].astype("<i8")},
        {"x_train": x > 100, "x_test": given["x_test"] > 100},
        {"x_train": np.full(x.shape, np.nan)},
        {"x_train": np.full(x.shape, np.inf)},
        {"x_train": np.full(x.shape, np.finfo(np.longdouble).max)},
        {"x_train": np.full(x.shape, 2**63, np.uint64)},
        {"x_train": np.full(x.shape, -1)},
        {"x_train": x[:0]},
        {"x_train": np.empty((20, 0, 8), np.uint8)},
        {"x_train": x[:1]},
        {"x_train": np.broadcast_to(np.uint8(3), (20, 8, 8, 1))},
        {"x_train": np.empty((20, 8, 8, 0))},
        {"x_train": x.astype("M8[s]")},
        {"x_train": np.full(x.shape, Payload())},
        {"x_train": np.array(Payload(), object)},
        {"x_train": np.asfortranarray(x)},
        {"y_train": np.full(20, 2**64 - 1, np.uint64)},
        {"y_train": y.astype(np.float64)},
        {"y_train": y.astype(np.uint64)},
        {"y_train": y.astype(">i2")},
        {"y_train": np.full(20, -(2**63))},
        {"y_train": np.full(20, 10**6)},
        {"y_train": y[:, np.newaxis]},
        {"c_train": np.full((20, 2), 1e300), "c_test": np.ones((10, 2))},
        {"c_train": np.ones((20, 2), np.longdouble), "c_test": np.ones((10, 2), np.float16)},
        {"x_valid": x[:0]},
        {"extra": np.full(3, Payload())},
    ]
    return archive(members(given | odd[kind % len(odd)]))


def damaged(rng, kind):
    """Bytes of a file; every kind of damage in turn."""
    method = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA][
        int(rng.integers(4))
    ]
    made = members(arrays(rng))
    whole = archive(made, method)
    chosen = list(made)[int(rng.integers(len(made)))]
    step, part = divmod(kind, 12)
    if part == 0:
        return flipped(whole, rng, 1 + step % 8)
    if part == 1:
        return whole[: int(rng.integers(0, len(whole)))]
    if part == 2:
        shape = SHAPES[step % len(SHAPES)].format(int([HUGE, 2**31, 2**63, 10**6][int(rng.integers(4))]))
        header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
        return archive(made | {chosen: with_header(made[chosen], header)}, method)
    if part == 3:
        header = f"{{'descr': {DTYPES[step % len(DTYPES)]}, 'fortran_order': False, 'shape': (20, 8, 8), }}\n".encode()
        return archive(made | {chosen: with_header(made[chosen], header)}, method)
    if part == 4:
        header = HEADERS[step % len(HEADERS)]
        version = [(1, 0), (2, 0), (3, 0), (9, 9)][int(rng.integers(4))]
        return archive(made | {chosen: with_header(made[chosen], header[:65535], version)}, method)
    if part == 5:
        length = [0, 1, 65535, 117][step % 4]
        return archive(
            made | {chosen: with_header(made[chosen], header_of(made[chosen]), length=length)}, method
        )
    if part == 6:
        name = NAMES[step % len(NAMES)]
        return archive(made, method, [(zipfile.ZipInfo(name), made[chosen])])
    if part in (7, 8):
        return values(rng, 2 * step + part - 7)
    if part == 9:  # a field of the zip's own
        content = bytearray(whole)
        start = content.index(b"PK\x01\x02") if step % 2 else content.rindex(b"PK\x05\x06")
        place = start + 4 + int(rng.integers(0, 40 if step % 2 else 18))
        content[place : place + 4] = rng.bytes(4) if step % 3 else b"\xff" * 4
        return bytes(content)
    if part == 10:
        cut = int(rng.integers(0, len(made[chosen])))
        content = made[chosen][:cut] if step % 2 else flipped(made[chosen], rng, 1 + step)
        return archive(made | {chosen: content}, method)
    others = [
        *(b"", b"\x80\x04.", pickle.dumps(Payload()), rng.bytes(500), made["x_train.npy"], b"PK\x03\x04"),
        *(whole + whole, b"GIF89a" + whole, whole + rng.bytes(70_000)),
        *(archive({}), archive({"x_train.npy": b""}), archive({"x_train": b"no array"})),
        archive({"x_train.npy": bytes(10**8)}, zipfile.ZIP_DEFLATED),
    ]
    return others[step % len(others)]


@pytest.mark.parametrize("cases", fuzz.portions(CASES, 16))
def test_every_file_is_read_or_refused_in_one_line(cases, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loop, "train", lambda config, run, **_: loading.load_data(config) and False)
    path = tmp_path / "images.npz"

    def run(case):
        rng = fuzz.generator(case, seed=1)
        path.write_bytes(damaged(rng, case))
        condition = ["none", "label", "array"][int(rng.integers(3))]
        words = [
            "train",
            "--dataset",
            str(path),
            "--batch-size",
            "1",
            "--condition",
            condition,
            "--run-dir",
            "run",
        ]
        found = judge(words, seconds=10.0, folder=tmp_path)
        assert [name.name for name in tmp_path.iterdir()] == ["images.npz"]
        return found

    assert judge_all(cases, run) > len(cases) // 3
