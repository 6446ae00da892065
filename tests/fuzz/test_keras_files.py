"""Model files that are damaged, foreign or hostile: `sample` draws from them, or refuses them in one line.

Mutations, each seen to break the test here: the loader from before `keras_file` looked at a file first.
"""

import io
import json
import os
import pickle
import shutil
import warnings
import zipfile

import numpy as np
import pytest
from kit import fuzz
from kit.judge import judge, judge_all

from tfvae.training.runs.directory import RunDirectory

CASES = 130
MEMBERS = ["metadata.json", "config.json", "model.weights.h5"]


@pytest.fixture(scope="module")
def made(untrained_run):
    """A run with a model that was not trained, and the members of its file by name."""
    run = RunDirectory(untrained_run)
    with zipfile.ZipFile(run.model_file) as archive:
        return run, {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """Bytes of files that Keras itself makes and that hold no model of tfvae."""
    import keras

    folder, found = tmp_path_factory.mktemp("foreign"), []
    plain = keras.Sequential([keras.layers.Input((64,)), keras.layers.Dense(2)])
    unsafe = keras.Sequential([keras.layers.Input((64,)), keras.layers.Lambda(lambda x: x + 1)])
    for name, model in (("plain.keras", plain), ("unsafe.keras", unsafe), ("old.h5", plain)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.save(folder / name)
        found.append((folder / name).read_bytes())
    return found


def archive(members, more=()):
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as target:
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, content in [*members.items(), *more]:
            target.writestr(name, content)
    return file.getvalue()


def flipped(content, rng, count):
    content = bytearray(content)
    for place in rng.integers(0, len(content), count):
        content[place] ^= 1 << int(rng.integers(0, 8))
    return bytes(content)


def layer(class_name, module="keras.layers", registered=None, /, **config):
    return {"class_name": class_name, "module": module, "registered_name": registered, "config": config}


LAYERS = [
    layer("Missing", "somewhere", "mine>Missing", units=3),
    layer("Missing", None, "Missing"),
    layer("TorchModuleWrapper", module="UEsDBA=="),
    layer("TorchModuleWrapper", "keras.src.utils.torch_utils", module="UEsDBA=="),
    layer("Lambda", function={"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None}}),
    layer("TFSMLayer", filepath="/tmp"),
    layer("JaxLayer", call_fn="os.system"),
    layer("system", "os", command="touch pwned"),
    layer("function", "builtins", config="os.system"),
    layer("Popen", "subprocess", args=["touch", "pwned"]),
    layer("run_path", "runpy", path_name="pwned.py"),
    layer("Dense", units=10**12),
    layer("Dense", units=-1),
    layer("Dense", units="many"),
    layer("Dense", units=None),
    layer("MLP", "tfvae.networks.mlp", "tfvae>MLP", units=[10**9]),
    layer("MLP", "tfvae.networks.mlp", "tfvae>MLP", units=[2**31 - 1]),
    layer("MLP", "tfvae.networks.mlp", "tfvae>MLP", units=[64], activation="nothing"),
    layer("MLP", "tfvae.networks.mlp", "tfvae>MLP", units=[64], nothing=7),
    layer("Bernoulli", "tfvae.distributions.bernoulli", "tfvae>Bernoulli", event_shape=[10**6, 10**6]),
    layer("Missing\x1b[31m" * 100, "a" * 4000, "b" * 4000),
]
VALUES = [
    None,
    True,
    -1,
    0,
    10**12,
    10**400,
    1e308,
    "x" * 5000,
    "\x1b[31m",
    [],
    {},
    [[[]]],
    "os.system",
    float("nan"),
]


def places(value, path=()):
    """Every place in a value of JSON."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from places(part, (*path, key))


def with_value(whole, path, new):
    whole = json.loads(json.dumps(whole))
    part = whole
    for key in path[:-1]:
        part = part[key]
    if new is KeyError:
        del part[path[-1]]
    else:
        part[path[-1]] = new
    return json.dumps(whole).encode()


def damaged(members, foreign, rng, kind):
    """Bytes of a .keras file; every kind of damage in turn."""
    whole = archive(members)
    config = json.loads(members["config.json"])
    step, part = divmod(kind, 10)
    paths = [path for path in places(config) if path]
    path = paths[int(rng.integers(len(paths)))]
    if part == 0:
        return flipped(whole, rng, 1 + step % 6)
    if part == 1:
        return whole[: int(rng.integers(0, len(whole)))]
    if part in (2, 3):
        slot = ["encoder", "decoder", "posterior", "likelihood", "prior"][int(rng.integers(5))]
        changed = with_value(config, ("config", slot), LAYERS[(2 * step + part - 2) % len(LAYERS)])
        return archive(members | {"config.json": changed})
    if part == 4:
        return archive(members | {"config.json": with_value(config, path, VALUES[step % len(VALUES)])})
    if part == 5:
        return archive(members | {"config.json": with_value(config, path, KeyError)})
    if part == 6:
        return archive(
            members | {"model.weights.h5": flipped(members["model.weights.h5"], rng, 1 + 3 * step)}
        )
    if part == 7:
        weights = members["model.weights.h5"]
        others = [weights[: int(rng.integers(len(weights)))], b"", rng.bytes(3000), foreign[2], weights * 2]
        return archive(members | {"model.weights.h5": others[step % len(others)]})
    if part == 8:
        name = MEMBERS[step % 3]
        less = {key: value for key, value in members.items() if key != name}
        texts = (
            b"[]",
            b"null",
            b"\xff",
            b"{",
            b"[" * 10**5,
            b'{"keras_version": "99.0", "keras_version": 1}',
        )
        odd = [archive(less), archive(members, [(name, members[name])]), archive(less | {f"../{name}": b"x"}),
               *(archive(members | {MEMBERS[int(rng.integers(2))]: text}) for text in texts)]  # fmt: skip
        return odd[step % len(odd)]
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content if name != "config.json" else b" " * (2**24 + 1))
    others = [*foreign, b"",
              pickle.dumps(os.getcwd), b"PK\x03\x04", bomb.getvalue(), whole + whole[:-5], b"\x89HDF\r\n\x1a\n",
              archive({}), whole + b"more"]  # fmt: skip
    return others[step % len(others)]


@pytest.mark.parametrize("cases", fuzz.portions(CASES, 20))
def test_every_model_file_is_read_or_refused_in_one_line(cases, made, foreign, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole, members = made
    run = RunDirectory(shutil.copytree(whole.path, tmp_path / "run"))

    def draw(case):
        rng = fuzz.generator(case, seed=3)
        run.model_file.write_bytes(damaged(members, foreign, rng, case))
        found = judge(["sample", "run", "-n", "2", "--out", "out.npy"], seconds=30.0, folder=tmp_path)
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == ["out.npy", "run"] if found.code == 0 else ["run"]
        if found.code == 0:
            assert np.load("out.npy").shape[0] == 2
            os.unlink("out.npy")
        else:
            assert "model.keras" in found.errors
        return found

    assert judge_all(cases, draw) > len(cases) // 2


@pytest.mark.parametrize(
    ("part", "told"),
    [(0, "which is no model of tfvae"), (1, "a Lambda, which runs code of the file's own|no model of tfvae")],
)
def test_a_foreign_model_is_named(part, told, made, foreign, tmp_path):
    import re

    run = RunDirectory(shutil.copytree(made[0].path, tmp_path / "run"))
    run.model_file.write_bytes(foreign[part])
    assert re.search(told, judge(["sample", str(run.path)], codes=(2,)).errors)
