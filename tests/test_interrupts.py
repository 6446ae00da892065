"""Ctrl-C: one line that names the command that goes on, quoted for a shell, and what it goes on from.

Written against these mutations: `train --resume` advised after an evaluation; a path with a space that is not
quoted; the count of blocks told although none was kept; a resumption advised for a run that was never made; an error
that an interrupt caused taken for a bug.
"""

import importlib
import re
import shlex
import shutil

import pytest

from tfvae import cli
from tfvae.training import loop
from tfvae.training.runs import loading
from tfvae.training.runs.directory import RunDirectory


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory):
    return RunDirectory(shutil.copytree(tiny_run, tmp_path_factory.mktemp("runs") / "it's a run"))


@pytest.fixture
def interrupted(capsys):
    """Returns a function that runs a command line, checks that an interrupt was told in one line, and returns it."""

    def interrupted(*words):
        capsys.readouterr()
        assert cli.main([str(word) for word in words]) == 130
        *progress, line = capsys.readouterr().err.splitlines()
        assert line.startswith("tfvae: interrupted; ") and not any("Traceback" in text for text in progress)
        command = re.search("`(.*)`", line)[1]
        return line.replace(command, "COMMAND"), shlex.split(command)

    return interrupted


def stop(*_, **__):
    raise KeyboardInterrupt


def test_an_interrupt_that_became_an_error_of_an_import_is_one_all_the_same(interrupted, monkeypatch):
    def importing(_):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise ImportError("initialization failed") from error

    monkeypatch.setitem(cli.COMMANDS, "train", importing)
    line, command = interrupted("train", "--epochs", "3")
    assert line == "tfvae: interrupted; `COMMAND` starts anew" and command == [
        "tfvae",
        "train",
        "--epochs",
        "3",
    ]


@pytest.mark.slow
def test_an_evaluation_names_itself_and_goes_on_from_its_last_block(run, interrupted, monkeypatch):
    module = importlib.import_module("tfvae.evaluation.importance")
    finish, blocks, last = module.finish, [], 32

    def stopped(sums, start, count):
        if start == last:
            raise KeyboardInterrupt
        blocks.append(start)
        return finish(sums, start, count)

    monkeypatch.setattr(module, "finish", stopped)
    words = ["evaluate", str(run.path), "--num-samples", "3", "--limit", "60"]
    line, command = interrupted(*words)
    assert line == "tfvae: interrupted; `COMMAND` goes on from importance sampling: example 32 of 60"
    assert command == ["tfvae", *words]
    last = None
    assert cli.main(command[1:]) == 0
    assert blocks == [0, 16, 32, 48]


def test_without_a_block_it_starts_anew(run, interrupted, monkeypatch):
    monkeypatch.setattr(importlib.import_module("tfvae.evaluation.importance"), "finish", stop)
    line, command = interrupted("evaluate", run.path, "--num-samples", "4")
    assert line == "tfvae: interrupted; `COMMAND` starts anew"
    assert command == ["tfvae", "evaluate", str(run.path), "--num-samples", "4"]


@pytest.mark.parametrize(
    "words", [["sample", "-n", "3"], ["latent", "traverse"], ["export", "--format", "tflite"]]
)
def test_other_commands_name_themselves(run, interrupted, monkeypatch, words):
    monkeypatch.setattr(loading, "load_model", stop)
    words = [words[0], str(run.path), *words[1:]]
    assert interrupted(*words) == ("tfvae: interrupted; `COMMAND` starts anew", ["tfvae", *words])


def test_training_goes_on_with_the_run_that_was_made(run, interrupted, monkeypatch, tmp_path):
    monkeypatch.setattr(loop, "train", stop)
    line, command = interrupted("train", "--run-dir", run.path, "--resume")
    assert line == "tfvae: interrupted; `COMMAND` goes on from the last checkpoint"
    assert command == ["tfvae", "train", "--run-dir", str(run.path), "--resume"]
    words = ["train", "--run-dir", str(tmp_path / "new"), "--epochs", "3"]
    assert interrupted(*words) == ("tfvae: interrupted; `COMMAND` starts anew", ["tfvae", *words])


def test_an_interrupt_before_the_command_is_known(monkeypatch, capsys):
    monkeypatch.setattr(cli, "parser", stop)
    assert cli.main(["info"]) == 130
    assert capsys.readouterr().err == "tfvae: interrupted\n"


def test_a_run_without_a_model_says_which_command_finishes_it(run, tmp_path, capsys):
    unfinished = RunDirectory(tmp_path / "un finished")
    unfinished.path.mkdir()
    unfinished.config_file.write_bytes(run.config_file.read_bytes())
    assert cli.main(["sample", str(unfinished.path), "--out", str(tmp_path / "x.npy")]) == 2
    assert f"`tfvae train --run-dir '{unfinished.path}' --resume`" in capsys.readouterr().err
