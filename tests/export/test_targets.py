"""What an export may be written to, and what killed exports leave.

Mutations, each seen to break a test here: a directory replaced if it has the marker, whatever else it holds; links
followed; a target checked at the start alone; directories removed that a live process has locked; old directories
removed whatever their age; a directory unlocked before it is removed.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conformance import models

from tfvae import cli, files
from tfvae.checks import UserError
from tfvae.export import directories, layouts, save_serving, save_tflite
from tfvae.training.config import Config
from tfvae.training.runs.directory import RunDirectory

MAKES = {"saved_model": layouts.SAVED_MODEL, "web": layouts.WEB, "tflite": layouts.TFLITE}


def tree(folder):
    """What lies below a folder: the content of files and the targets of links."""
    return {
        path.relative_to(folder).as_posix(): os.readlink(path) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def page(folder):
    """A folder that holds the names and the description of an exported page."""
    for name in ("index.html", "model.tflite", *(f"runtime/{name}" for name in layouts.VENDORED.values())):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "page.json").write_text(json.dumps({"image": [2, 2, 1], "latent_size": 2, "units": [0, 1]}))
    return folder


@pytest.fixture(scope="module")
def model():
    return models.create("vae-mlp")


def version(folder):
    """A folder that holds the names and the description of an exported SavedModel."""
    names = ("saved_model.pb", "fingerprint.pb", "batching_params.pbtxt", "variables/variables.index")
    for name in (
        *names,
        "variables/variables.data-00000-of-00001",
        "assets.extra/tf_serving_warmup_requests",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "signatures.json").write_text(json.dumps({"model": "VAE", "signatures": {}}))
    return folder


def tflite(path):
    """A file with the identifier and the names of an exported TFLite file."""
    path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(100) + b"log_prob" + bytes(8) + b"reconstruct")
    return path


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """What looks like an export of each format; that true ones are replaced is tested where they are made."""
    folder = tmp_path_factory.mktemp("exported")
    return {
        "saved_model": version(folder / "1"),
        "tflite": tflite(folder / "model.tflite"),
        "web": page(folder / "page"),
    }


@pytest.fixture(params=MAKES)
def kind(request):
    return request.param


@pytest.fixture
def target(kind, exported, tmp_path):
    """A copy of an export."""
    place = tmp_path / "targets" / exported[kind].name
    place.parent.mkdir()
    (shutil.copytree if exported[kind].is_dir() else shutil.copyfile)(exported[kind], place)
    return place


def refused(place, kind, words, overwrite=True):
    with pytest.raises(UserError, match=words) as caught:
        layouts.check_target(place, overwrite, MAKES[kind])
    assert "\n" not in str(caught.value)


def test_an_earlier_export_is_replaced_and_nothing_else(target, kind, exported, tmp_path):
    layouts.check_target(target, True, MAKES[kind])
    refused(target, kind, r"exists; expected a new target; .*--overwrite", overwrite=False)
    for other in MAKES.keys() - {kind}:
        refused(target, other, "is not replaced; expected a ")
    link = tmp_path / "link"
    for to in (target, tmp_path / "nowhere"):
        link.symlink_to(to)
        refused(link, kind, "received a symbolic link")
        refused(link, kind, "exists", overwrite=False)
        link.unlink()
    if target.is_dir():
        for name in ("notes.txt", "variables/more", ".hidden", "a\x1b[2Jb"):
            foreign = target / name
            existed = foreign.parent.exists()
            foreign.parent.mkdir(exist_ok=True)
            foreign.touch()
            refused(target, kind, "received a directory with '")
            foreign.unlink()
            if not existed:
                foreign.parent.rmdir()
        (target / "runtime2").symlink_to(tmp_path)
        refused(target, kind, "received a directory with 'runtime2'")
        (target / "runtime2").unlink()
        marker = target / ("signatures.json" if kind == "saved_model" else "page.json")
        for content in ("", "[" * 100_000, "[]", '{"units": 1}'):
            marker.write_text(content)
            refused(target, kind, rf"without the {marker.name} of an export")


def test_places_that_are_no_export(kind, tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home / "work")
    for place in (Path("/"), Path("/tmp"), home, home / "work", Path("."), Path(".."), tmp_path):
        refused(place, kind, "is not replaced; expected a ")
    (tmp_path / "file").write_text("mine")
    refused(tmp_path / "file", kind, r"is not replaced; .*received (a|another) file")
    refused(tmp_path / "file" / "below", kind, "cannot write .*[Nn]ot a directory|is a file")
    refused(tmp_path / "no" / ("x" * 300), kind, "cannot write|name too long")
    refused(tmp_path / "a\0b", kind, "cannot write .*null byte")
    (tmp_path / "loop").symlink_to("loop")
    refused(tmp_path / "loop" / "x", kind, "cannot write")


def test_an_empty_directory_may_be_replaced(tmp_path):
    for kind in ("saved_model", "web"):
        layouts.check_target(tmp_path, True, MAKES[kind])
        refused(tmp_path, kind, "exists", overwrite=False)


def test_the_functions_of_python_replace_no_work_of_others(model, tmp_path):
    place = tmp_path / "base" / "1"
    page(place)
    (tmp_path / "model.keras").write_text("mine")
    before = tree(tmp_path)
    with pytest.raises(UserError, match="is not replaced"):
        save_serving(model, tmp_path / "base", overwrite=True)
    with pytest.raises(UserError, match="is not replaced"):
        save_tflite(model, tmp_path / "model.keras", overwrite=True)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_came_while_the_export_was_made_is_not_replaced(overwrite, tmp_path):
    """Two exports at once: the slower one is told."""

    def check():
        layouts.check_target(tmp_path / "1", overwrite, layouts.SAVED_MODEL)

    with (
        pytest.raises(UserError, match="is not replaced" if overwrite else "exists"),
        directories.replacing_directory(tmp_path / "1", check) as folder,
    ):
        (folder / "new").touch()
        (tmp_path / "1").mkdir()
        (tmp_path / "1" / "mine").touch()
    assert os.listdir(tmp_path) == ["1"] and os.listdir(tmp_path / "1") == ["mine"]


def test_a_run_is_not_replaced(tmp_path, monkeypatch, capsys):
    run = RunDirectory(tmp_path / "runs" / "first")
    run.create(Config.resolve({"epochs": 1}), ["tfvae", "train"])
    run.model_file.write_text("precious")
    monkeypatch.chdir(tmp_path)
    before = tree(tmp_path)
    (tmp_path / "home").symlink_to(tmp_path / "runs")
    for out in ("runs/first", "runs", ".", "home", "home/first", "runs/first/../first", "/", ".."):
        code = cli.main(["export", str(run.path), "--format", "web", "--out", out, "--overwrite"])
        told = capsys.readouterr().err
        assert code == 2 and told.count("\n") == 1 and "is not replaced" in told, (out, told)
    (tmp_path / "home").unlink()
    (run.path / "1").write_text("mine")
    before = tree(tmp_path)
    for out in ("runs/first", "runs/first/model.keras"):
        code = cli.main(["export", str(run.path), "--format", "saved_model", "--out", out, "--overwrite"])
        assert code == 2 and capsys.readouterr().err.count("\n") == 1
    assert tree(tmp_path) == before


HOLD = """
import sys, time
from pathlib import Path
from tfvae.export import directories
with directories.temporary_directory(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half")
    print(folder.name, flush=True)
    time.sleep(600)
"""


def test_what_a_killed_process_left_goes_and_what_a_living_one_has_stays(tmp_path):
    (tmp_path / f"{directories.PREFIX}file").write_text("a file of somebody")
    (tmp_path / f"{directories.PREFIX}link").symlink_to(tmp_path)
    kept = set(os.listdir(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True)
    try:
        held = process.stdout.readline().strip()
        with directories.replacing_directory(tmp_path / "1"):
            assert held in os.listdir(tmp_path)
        assert set(os.listdir(tmp_path)) == kept | {held, "1"}
    finally:
        process.kill()
        process.communicate()
    assert held in os.listdir(tmp_path)
    with directories.replacing_file(tmp_path / "model.tflite") as file:
        assert held not in os.listdir(tmp_path)
        file.write_bytes(b"whole")
    assert set(os.listdir(tmp_path)) == kept | {"1", "model.tflite"}


def test_where_directories_cannot_be_locked_age_tells(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "fcntl", None)
    old, new = (tmp_path / f"{directories.PREFIX}{name}" for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir()
        (folder / "half").touch()
    before = time.time() - 2 * directories.OLD_SECONDS
    for path in (old / "half", old, new):  # new has a file that is written to
        os.utime(path, (before, before))
    with directories.temporary_directory(tmp_path):
        assert new.exists() and not old.exists()
    assert os.listdir(tmp_path) == [new.name]


def test_what_was_left_before_there_were_locks_goes_with_age(tmp_path):
    names = (f".page-{'0' * 32}", ".partial-page-abcdefgh.tflite", f".other-{'0' * 32}", ".page-notes")
    before = time.time() - 2 * directories.OLD_SECONDS
    for age in ("new", "old"):
        for name in names:
            path = tmp_path / name
            if name.endswith(".tflite"):
                path.touch()
            else:
                path.mkdir(exist_ok=True)
            if age == "old":
                os.utime(path, (before, before))
        for target in ("page", "page.tflite"):
            directories.sweep_unlocked(tmp_path / target)
        assert set(os.listdir(tmp_path)) == set(names if age == "new" else names[2:])
