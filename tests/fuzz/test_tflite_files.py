"""Damaged and foreign .tflite files: each is told in one line, before the runtime sees a byte of a damaged one.

Mutations, each seen to break a test here: the checksum over the weights alone; a file without its mark, or without its
name, taken for one that was made before checksums; the runtime that is asked before the checksum is; errors of the
runtime let through; a foreign file's signatures taken by their names alone.
"""

import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from conformance import models
from kit.fuzz import generator, portions

from tfvae.checks import UserError
from tfvae.export import OnDevice, checksum, convert, on_device
from tfvae.export.signatures import signatures

DAMAGED = 400
FOREIGN = 100


@pytest.fixture(scope="module")
def contents():
    """The content of a file as it is written, and of one without a checksum, as they were before."""
    model = models.create("vae-mlp")
    table = signatures(model, 2)
    del table["serving_default"]
    plain, seal = [], convert.seal
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convert, "seal", lambda content: plain.append(content) or seal(content))
        sealed = convert.convert(model, table, "none")
    return sealed, plain[0]


def flipped(content, rng, count):
    content = bytearray(content)
    for place in rng.choice(len(content), count, replace=False):
        content[place] ^= 1 << int(rng.integers(8))
    return bytes(content)


def damaged(content, case):
    """A content that is not `content`: a flipped bit in most cases, one byte in eight of them in the checksum."""
    rng = generator(case)
    kind = case % 10
    if kind < 5:
        return flipped(content, rng, 1)
    if kind == 5:  # in the checksum and its names
        name, mark = content.index(checksum.NAME), content.index(checksum.MARK)
        places = [*range(name, name + len(checksum.NAME)), *range(mark, mark + len(checksum.MARK) + 64)]
        place = int(rng.choice(places))
        return content[:place] + bytes([content[place] ^ 1 << int(rng.integers(8))]) + content[place + 1 :]
    if kind == 6:
        return flipped(content, rng, int(rng.integers(2, 200)))
    if kind == 7:
        return content[: int(rng.integers(len(content)))]
    if kind == 8:
        return content + rng.bytes(int(rng.integers(1, 1000)))
    start, size = int(rng.integers(len(content) - 600)), int(rng.integers(1, 600))
    return content[:start] + rng.bytes(size) + content[start + size :]


@pytest.mark.slow
@pytest.mark.parametrize("cases", portions(DAMAGED, 60))
def test_a_damaged_file_is_told_in_one_line(cases, contents, tmp_path, monkeypatch):
    path, tried = tmp_path / "model.tflite", 0
    runtime = on_device._open
    seen = []
    monkeypatch.setattr(on_device, "_open", lambda *given: seen.append(given[0]) or runtime(*given))
    for case in cases:
        content = damaged(contents[0], case)
        assert content != contents[0]
        path.write_bytes(content)
        with pytest.raises(
            UserError, match=r"is damaged or no .tflite file; .*copy or export it again"
        ) as caught:
            OnDevice(path)
        assert "\n" not in str(caught.value), case
        tried += 1
    assert tried == len(cases)
    # only what was cut before the name of the checksum comes to the runtime, which refuses it
    assert all(len(content) < contents[0].index(checksum.NAME) + len(checksum.NAME) for content in seen)


def png():
    return b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4


def npz(rng):
    file = io.BytesIO()
    np.savez(file, x=rng.random(10))
    return file.getvalue()


def archive(rng):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr("model.weights.h5", rng.bytes(100))
    return file.getvalue()


def foreign(case):
    """A content that no export wrote."""
    rng = generator(case, seed=1)
    makers = [
        lambda: b"",
        lambda: rng.bytes(int(rng.integers(1, 5000))),
        lambda: rng.bytes(4) + b"TFL3" + rng.bytes(int(rng.integers(5000))),
        lambda: b"\x1c\0\0\0TFL3" + bytes(int(rng.integers(5000))),
        lambda: b"\x1c\0\0\0TFL3" + rng.bytes(int(rng.integers(5000))),
        lambda: b"not a model " * int(rng.integers(1000)),
        png,
        lambda: npz(rng),
        lambda: archive(rng),
        lambda: b"[" * int(rng.integers(10_000)),
    ]
    return makers[case % len(makers)]()


OPEN = """
import sys
from tfvae.checks import UserError
from tfvae.export import OnDevice
for name in sys.argv[1:]:
    try:
        OnDevice(name)
        print("opened")
    except UserError as error:
        print("told", ascii(str(error)))
"""


@pytest.mark.parametrize("cases", portions(FOREIGN, 30))
def test_a_foreign_file_is_told_in_one_line(cases, tmp_path):
    """In a process of its own: the runtime has been known to die of such files."""
    names = []
    for case in cases:
        names.append(tmp_path / f"{case}.tflite")
        names[-1].write_bytes(foreign(case))
    done = subprocess.run([sys.executable, "-c", OPEN, *names], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert len(told) == len(names) and all(line.startswith("told") and r"\n" not in line for line in told), (
        told
    )


def test_files_made_before_there_were_checksums_open(contents, tmp_path):
    new, old = tmp_path / "new.tflite", tmp_path / "old.tflite"
    new.write_bytes(contents[0])
    old.write_bytes(contents[1])
    assert OnDevice(new).checked and not OnDevice(old).checked
    assert np.array_equal(OnDevice(new).sample(3, seed=7), OnDevice(old).sample(3, seed=7))


def test_what_the_runtime_raises_when_a_file_runs_is_told(contents, tmp_path):
    """As a damaged file without a checksum does."""
    path = tmp_path / "old.tflite"
    path.write_bytes(contents[1])
    device = OnDevice(path)

    def broken(**_):
        raise RuntimeError("tensors of\nanother size")

    device._runners["sample"] = broken
    with pytest.raises(UserError, match=r"old.tflite is damaged .*tensors of another size"):
        device.sample(2, seed=7)


def other_model(takes, name="x"):
    """The file of another program, with the signatures' names of tfvae's, each from `name` to "image"."""
    import tensorflow as tf

    module = tf.Module()
    spec = tf.TensorSpec(takes, tf.float32, name)
    function = tf.function(lambda **given: {"image": given[name] + 1.0}, autograph=False)
    module.run = function
    concrete = function.get_concrete_function(**{name: spec})
    names = ("decode", "encode", "log_prob", "reconstruct", "sample")
    return module, dict.fromkeys(names, concrete)


@pytest.mark.slow
def test_a_file_with_the_names_of_the_signatures_alone_is_told(tmp_path):
    import tensorflow as tf

    module, table = other_model([None, 3])
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=table)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"), signature_keys=list(table))
    (tmp_path / "other.tflite").write_bytes(converter.convert())
    with pytest.raises(UserError, match=r"is not a model of tfvae; .*received \w+ from x to image"):
        OnDevice(tmp_path / "other.tflite")


@pytest.mark.parametrize("threads", [0, -1, 1.5])
def test_threads(threads, contents, tmp_path):
    (tmp_path / "new.tflite").write_bytes(contents[0])
    with pytest.raises(UserError, match="num_threads is not a positive integer"):
        OnDevice(tmp_path / "new.tflite", num_threads=threads)
