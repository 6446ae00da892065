"""Standard streams that are closed, full or cut, and names that a terminal should not get raw.

Mutations, each seen to break a test here: no flush at the end of a command; `NobodyReads` not caught; `printable` left
out of `_Output`; a closed standard output or error not replaced; the exit code of a full disk 0; `MemoryError` let
through; `_abandon` left out.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tfvae import cli
from tfvae.training.config import Config
from tfvae.training.runs.directory import RunDirectory

TFVAE = Path(sys.executable).with_name("tfvae")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that has begun, enough for `tfvae info`."""
    run = RunDirectory(tmp_path_factory.mktemp("runs") / "begun")
    run.create(Config.resolve({}), ["tfvae", "train"])
    return run.path


def shell(line, *words, **options):
    """Runs a line of bash in which "$@" is the command."""
    command = ["bash", "-c", f"set -o pipefail; {line}", "bash", TFVAE, *map(str, words)]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        command, **{"env": buffered, "capture_output": True, "text": True, "timeout": 120} | options
    )


def told(done):
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("tfvae: "), done.stderr
    return lines[0]


@pytest.mark.parametrize("words", [["info"], ["--version"], ["train", "--help"]], ids=" ".join)
def test_a_full_disk_at_standard_output_is_an_error(words, run):
    done = shell('"$@" >/dev/full', *words, *([run] if words == ["info"] else []))
    assert done.returncode == 2
    assert told(done) == "tfvae: cannot write to standard output: No space left on device"


def test_a_reader_that_goes_ends_the_command_without_a_word(run):
    done = shell('{ sleep 0.2; PYTHONUNBUFFERED=1 "$@"; } | true', "info", run)
    assert (done.returncode, done.stderr) == (141, "")


def test_closed_streams(run):
    done = shell('"$@" >&-', "info", run)
    assert done.returncode == 2 and "standard output is closed" in told(done)
    done = shell('"$@" 2>&-', "info", run / "nowhere")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")
    done = shell('"$@" 2>&-', "info", run)
    assert done.returncode == 0 and "epochs done 0" in done.stdout
    done = shell('"$@" 2>&- >&-', "info", run)
    assert (done.returncode, done.stdout) == (2, "")


def test_a_name_never_reaches_the_terminal_raw(tmp_path, capsys):
    for name in ("red\x1b[31m", "byte\udcff", "line\nbreak", "\u202eturned"):
        run = RunDirectory(tmp_path / name)
        run.create(Config.resolve({"dataset": f"{name}.npz"}), [])
        assert cli.main(["info", str(run.path)]) == 0
        output, errors = capsys.readouterr()
        assert errors == "" and output.replace("\n", "").isprintable()
        assert cli.main(["evaluate", str(tmp_path / f"{name} nowhere")]) == 2
        errors = capsys.readouterr().err
        assert errors.count("\n") == 1 and errors.rstrip("\n").isprintable()


def test_a_terminal_of_ascii_alone(run, tmp_path):
    other = tmp_path / "élan"
    other.mkdir()
    (other / "config.json").write_bytes((run / "config.json").read_bytes())
    done = shell('"$@"', "info", other, env=os.environ | {"PYTHONIOENCODING": "ascii:strict"})
    assert done.returncode == 0 and "\\xe9lan" in done.stdout


class Exhausted(Exception):
    """What TensorFlow raises."""


Exhausted.__name__ = "ResourceExhaustedError"


@pytest.mark.parametrize(
    "error", [MemoryError(), MemoryError("of\n7 TB"), Exhausted("OOM when allocating\nx")]
)
def test_too_little_memory_is_told_in_one_line(error, monkeypatch, capsys):
    def fail(_):
        raise error

    monkeypatch.setitem(cli.COMMANDS, "info", fail)
    assert cli.main(["info"]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("tfvae: there is not enough memory; received ") and errors.count("\n") == 1


def test_a_bug_keeps_its_traceback(monkeypatch):
    def fail(_):
        raise ZeroDivisionError

    monkeypatch.setitem(cli.COMMANDS, "info", fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["info"])


def test_empty_and_impossible_paths(capsys, tmp_path):
    for words in (
        ["train", "--run-dir", ""],
        ["train", "--dataset", ""],
        ["evaluate", ""],
        ["evaluate", "run", "--against", ""],
        ["sample", "run", "--out", ""],
        ["latent", "run", "manifold", "--out", ""],
        ["export", "run", "--format", "tflite", "--out", ""],
        ["export", "run", "--format", "web", "--runtime", ""],
        ["info", ""],
    ):
        assert cli.main(words) == 2
        assert "the path is empty" in capsys.readouterr().err
        assert cli.main([word or "a\0b" for word in words]) == 2
        assert "a path holds a NUL character; received a\\x00b" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []
