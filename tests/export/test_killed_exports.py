"""An export that is killed leaves the old one or a whole new one; the next export leaves nothing of it.

Written against these mutations: nothing swept; the old export removed before the new one has its name; files
written into the target; the system's temporary directory not swept.
"""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kit import forks
from kit.fuzz import generator, portions
from kit.launched import await_that

from tfvae import presets
from tfvae.export import OnDevice, directories
from tfvae.export.layouts import VENDORED
from tfvae.training.config import Config
from tfvae.training.runs.directory import RunDirectory

FORMATS = ("tflite", "saved_model", "web")
LAST = {
    "tflite": 4,
    "saved_model": 16,
    "web": 16,
}  # moments that there are at least where an old export is replaced


REPLACE = """
import itertools, sys
from pathlib import Path
from tfvae.export import directories

target = Path(sys.argv[1])
print("started", flush=True)
for number in itertools.count():
    if target.suffix:
        with directories.replacing_file(target) as file:
            file.write_text(f"{number}\\n" * 1000)
    else:
        with directories.replacing_directory(target) as folder:
            for name in range(10):
                (folder / f"{name}").write_text(f"{number}\\n" * 100)
"""


@pytest.mark.parametrize("cases", portions(100, 12))
@pytest.mark.parametrize("name", ["1", "model.tflite"])
def test_a_process_that_replaces_without_end_is_killed(name, cases, tmp_path):
    """All files are of one writing, and the next process leaves nothing of the one before."""
    target = tmp_path / name
    for case in cases:
        process = subprocess.Popen([sys.executable, "-c", REPLACE, target], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "started\n"
        time.sleep(float(generator(case).uniform(0.0, 0.3)))
        process.kill()
        process.communicate()
        left = set(os.listdir(tmp_path)) - {name}
        assert len(left) <= 1 and all(text.startswith(directories.PREFIX) for text in left), case
        contents = [
            path.read_text() for path in (target.iterdir() if target.is_dir() else [target]) if path.exists()
        ]
        assert len(set(contents)) <= 1 and len(contents) in ((0, 10) if name == "1" else (0, 1)), case
        assert all(len(set(text.split())) == 1 and text.endswith("\n") for text in contents), case
    with directories.temporary_directory(tmp_path):
        pass
    assert set(os.listdir(tmp_path)) <= {name}


class Exporter:
    """Starts exports, whose temporary directory is one of its own."""

    def __init__(self, server, temporary):
        self._server, self.temporary = server, temporary

    def start(self, arguments, halt=None):
        """Starts an export, to wait at the moment `halt`; returns its process."""
        pause = None if halt is None else [halt]
        return self._server.start("export", *arguments, pause=pause, install="halted_exports")

    def kill(self, process, after=None):
        """Kills an export at the moment where it halts or after some seconds; returns its exit code."""
        if after is None:
            await_that(lambda: "halted" in process.said() or process.poll() is not None, 600)
            assert process.code is None, "there are fewer moments than this"
        else:
            time.sleep(after)
        process.kill()
        return process.wait()

    def left(self):
        """Names in the system's temporary directory, but for TensorFlow's own of generated code."""
        return [name for name in os.listdir(self.temporary) if not name.startswith("__autograph_generated")]


@pytest.fixture(scope="module")
def exporter(tmp_path_factory):
    folders = [tmp_path_factory.mktemp(name) for name in ("logs", "temporary")]
    with forks.Server(folders[0], {"TMPDIR": str(folders[1])}, prepared="halted_exports") as server:
        yield Exporter(server, folders[1])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = RunDirectory(tmp_path_factory.mktemp("run") / "run")
    run.create(Config.resolve({"epochs": 1}), ["tfvae", "train"])
    presets.create("digits").save(run.model_file)
    modules = run.path.parent / "node_modules"
    for name in VENDORED:
        (modules / "@litertjs" / name).parent.mkdir(parents=True, exist_ok=True)
        (modules / "@litertjs" / name).write_text(name)
    return run


@pytest.fixture(scope="module")
def old(run, exporter, tmp_path_factory):
    """format: (an export, the seconds that it took)."""
    made = {}

    def get(kind):
        if kind not in made:
            out, started = tmp_path_factory.mktemp(kind), time.monotonic()
            assert exporter.start(words(run, kind, out)).wait() == 0
            made[kind] = out, time.monotonic() - started
        return made[kind]

    return get


def words(run, kind, out, overwrite=False):
    """The arguments of an export into the directory `out`."""
    more = ("--overwrite",) if overwrite else ()
    if kind == "web":
        return (
            run.path,
            "--format",
            kind,
            "--out",
            out / "page",
            "--runtime",
            run.path.parent / "node_modules",
            *more,
        )
    return run.path, "--format", kind, "--out", out, "--num-samples", 2, *more


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def whole(found, expected):
    """Returns whether a tree is a whole export: that of the same run, with files of the same names and sizes."""
    sizes = [{name: len(content) for name, content in files.items()} for files in (found, expected)]
    loose = {"saved_model.pb", "fingerprint.pb"}  # names in the graph are numbered through the process
    return sizes[0].keys() == sizes[1].keys() and all(
        found[name] == expected[name] or Path(name).name in loose or name.endswith(".tflite")
        for name in found
    )


def visible(folder):
    return {name: content for name, content in tree(folder).items() if not name.startswith(".tfvae-export-")}


def kill(exporter, case, asked, kind, seconds):
    """Starts an export and kills it at a random time, every third one at a random moment of its end."""
    rng = generator(case)
    if case % 3 == 0:
        return exporter.kill(exporter.start(asked, halt=int(rng.integers(1, LAST[kind] + 1))))
    return exporter.kill(exporter.start(asked), after=float(rng.uniform(0.0, seconds)))


@pytest.mark.slow
@pytest.mark.parametrize("cases", portions(30, 1))
def test_killed_exports(cases, run, exporter, old, tmp_path):
    """Rounds of five kills of exports to one place, every other one over an old export; then one that is not killed."""
    counts = {"killed": 0, "old or absent": 0, "whole": 0, "left by rounds": 0}
    for number, numbers in itertools.groupby(cases, key=lambda case: case // 5):
        kind = FORMATS[number % 3]
        before, seconds = old(kind)
        out = tmp_path / str(number)
        if number % 2 == 0:
            shutil.copytree(before, out)
            for path in [*out.rglob("*.json"), *out.rglob("*.pbtxt")]:
                path.write_bytes(path.read_bytes() + b"\n")  # to be told from a new one
        else:
            out.mkdir()
        start = tree(out)
        for case in numbers:
            code = kill(exporter, case, words(run, kind, out, overwrite=bool(start)), kind, seconds)
            assert code in (-signal.SIGKILL, 0)
            found = visible(out)
            assert found == start or whole(found, tree(before)), (case, sorted(found))
            counts["killed"] += code != 0
            counts["old or absent" if found == start else "whole"] += 1
            start = found
        counts["left by rounds"] += (
            len(exporter.left()) + len(os.listdir(out)) - len(start and os.listdir(before))
        )
        assert exporter.start(words(run, kind, out, overwrite=bool(start))).wait() == 0, number
        assert whole(tree(out), tree(before)), (number, sorted(tree(out)))
        assert os.listdir(out) == os.listdir(before) and not exporter.left()
        for file in out.rglob("*.tflite"):
            assert OnDevice(file).checked
    print(counts)
