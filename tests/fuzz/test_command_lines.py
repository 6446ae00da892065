"""Command lines that nobody would type: each ends with 0, or with one line and code 2, in time, and leaves nothing.

A grammar of the subcommands and their options, read from the parser itself, is filled with values of the wrong type,
out of range, empty, endless, of control characters, and with paths that cannot be. What an accepted line would start
that takes long is replaced.

It repeats, with values drawn at random, what `tests/test_ranges.py` and `tests/test_output.py` hold one by one.
"""

import argparse
import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from kit import fuzz
from kit.judge import judge, judge_all

from tfvae import evaluation, export, presets
from tfvae.cli import arguments, summary
from tfvae.training import loop
from tfvae.training.distribution import launcher
from tfvae.training.evaluation import evaluate
from tfvae.training.runs import loading
from tfvae.training.runs.directory import RunDirectory

CASES = 500
INTEGERS = [
    *("0", "-1", "1", "2", "3", "7", "64", "100", "2147483647", "2147483648", "4294967300", "-2147483649"),
    *("1" + "0" * 25, "-1" + "0" * 25, "9" * 400, "9" * 5000, "1e3", "1.0", "", " 7", "0x10", "1_000", "٣", "+5", "-0"),
    *("nan", "inf", "None", "two", "\x1b[31m", "\udcff", "x" * 5000, "$(touch pwned)", "%n%s", "--", "-"),
]  # fmt: skip
NUMBERS = [
    *("0", "-1", "0.5", "1", "2", "1e-320", "1e-30", "1e308", "-1e308", "1e400", "nan", "-nan", "inf", "-inf", "", "."),
    *("1,5",),
    *("9" * 400, "0." + "0" * 400 + "1", "0x1p3", "1_0.5", "two", "\x1b[31m", "\udcff", "x" * 5000, "1e", "True"),
]  # fmt: skip
WORDS = [
    *("", " ", "-", "--", "none", "None", "nothing", "auto", "\x1b[31mred", "\udcff", "x" * 5000, "a\nb", "a\0b"),
    *("élan",),
    *("\u202egnp", "../../etc/passwd", "$(touch pwned)", "%s%n", "{}", "[]", "0", "true", "digits\n", "iwae ", "IWAE"),
]  # fmt: skip
PATHS = [
    *("", ".", "..", "run", "./run/", "nowhere", "nowhere/at/all.png", "file", "file/below", "file/below.png"),
    *("out.npz", "out.csv"),
    *("out.png", "out.npy", "out.tflite", "out", "long" * 100, "long" * 100 + ".png", "a/" * 3000 + "b", "x" * 5000),
    *("\x1b[31m.png", "\udcff.png", "\udcff.npz", "a\0b", "a\0b.png", "a\nb.npy", "~", "~/x", "-", "--out"),
    *("/dev/full", "/dev/null", "/proc/x"),
    *("/proc/self/mem", "/dev/null/x.png", "loop", "loop/x.png", "dangling", "dangling/x.png"),
    *("images.npz", "pipe.npz", "None"),
    *("folder.png", "folder.npy", "readonly/x.png", "élan.png", "\u202egnp.png", "run/config.json", "run/model.keras"),
]  # fmt: skip
PATH_OPTIONS = {"run_dir", "out", "against", "runtime", "dataset"}
OF_FILES = ("encode", "score", "reconstruct")


def options_of(command):
    """The options of a subcommand: flags and what argparse knows of each."""
    top = next(
        action for action in arguments.parser()._actions if isinstance(action, argparse._SubParsersAction)
    )
    return [
        action
        for action in top.choices[command]._actions
        if action.dest not in ("help", "run_dir", "tool", "file")
    ]


def good_values(action):
    """Values that are right for some option, so that lines get past its check."""
    names = {
        "preset": [*presets.names()],
        "dataset": ["digits", "ring", "images.npz"],
        "binarize": ["none", "dynamic", "static", "threshold"],
        "likelihood": [*presets.LIKELIHOODS],
        "condition": ["none", "label", "array", "column", "quadrant"],
        "posterior": [*presets.POSTERIORS],
        "prior": [*presets.PRIORS],
        "estimator": ["elbo", "iwae", "dreg", "miwae", "ciwae", "vr-iwae", "relaxed", "nvil"],
        "estimator_options": ["alpha=0.3", "beta=1", "groups=2", "decay=0.5", "minimum=0.1"],
        "schedule": ["constant", "cosine", "burda"],
        "strategy": ["auto", "none", "mirrored", "multiworker"],
        "split": ["test", "validation", "train"],
        "method": ["importance", "ais", "linear", "spherical"],
        "init": ["prior", "posterior"],
        "mixed_precision": ["none", "float16", "bfloat16"],
        "jit": ["on", "off", "auto"],
    }
    return names.get(action.dest, [str(choice) for choice in action.choices or ()] or ["1", "2", "10"])


def value_of(action, rng):
    if action.dest in PATH_OPTIONS:
        values = PATHS
    elif action.type in (int, float):
        values = INTEGERS if action.type is int else NUMBERS
        values = values if rng.random() < 0.5 else values[:16]
    else:
        values = WORDS
    if rng.random() < 0.35:
        values = (
            good_values(action)
            if action.dest not in PATH_OPTIONS
            else ["out", "out.png", "out.npy", "out.npz", "out.csv", "run"]
        )
    return values[int(rng.integers(len(values)))]


def line(rng, actions):
    """One command line."""
    command = list(actions)[int(rng.integers(len(actions)))]
    words, chosen = [], actions[command]
    for _ in range(int(rng.integers(0, 5))) if chosen else ():
        action = chosen[int(rng.integers(len(chosen)))]
        flag = action.option_strings[-1]
        if action.nargs == 0:
            words.append(flag)
        else:
            value = value_of(action, rng)
            words += [f"{flag}={value}"] if rng.random() < 0.7 and flag.startswith("--") else [flag, value]
    if command == "train":
        places = ["out", "run", "out/deeper", *PATHS] if rng.random() < 0.7 else ["out"]
        words += ["--run-dir", places[int(rng.integers(len(places)))]]
    else:
        place = "run" if rng.random() < 0.7 else PATHS[int(rng.integers(len(PATHS)))]
        words.insert(0, place)
    if command == "latent":
        tools = ["interpolate", "attribute", "manifold", "traverse", *WORDS[:6]]
        words.insert(1, tools[int(rng.integers(4 if rng.random() < 0.8 else len(tools)))])
    if command in OF_FILES:
        words.insert(1, "images.npz" if rng.random() < 0.7 else PATHS[int(rng.integers(len(PATHS)))])
    if command == "export" and rng.random() < 0.8:
        words += ["--format", ["saved_model", "tflite", "web"][int(rng.integers(3))]]
    if rng.random() < 0.05:
        words.insert(int(rng.integers(len(words) + 1)), WORDS[int(rng.integers(len(WORDS)))])
    return [command, *words] if rng.random() < 0.98 else words


@pytest.fixture(scope="module")
def made(untrained_run):
    """A run with a model that was not trained, and the model."""
    run = RunDirectory(untrained_run)
    return run, loading.load_model(run)


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    """A directory with whatever can be in the way, in which nothing slow starts."""
    run, model = made
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))

    def train(config, run, **_):
        if config.dataset in ("digits", "ring") or config.dataset.endswith(".npz"):
            loading.load_data(config)
        return False

    monkeypatch.setattr(loop, "train", train)
    monkeypatch.setattr(launcher, "launch", lambda *_, **__: 0)
    monkeypatch.setattr(evaluate, "evaluate", lambda *_, **__: SimpleNamespace(name="none"))
    for name in ("tell", "tell_where"):
        monkeypatch.setattr(summary, name, lambda *_: None)
    monkeypatch.setattr(loading, "load_model", lambda *_: model)
    scored = evaluation.log_marginal
    monkeypatch.setattr(
        evaluation,
        "log_marginal",
        lambda *a, num_samples, **b: scored(*a, num_samples=min(num_samples, 30), **b),
    )
    for name in ("save_serving", "save_web"):
        monkeypatch.setattr(export, name, lambda model, out, **_: out)
    monkeypatch.setattr(
        export, "save_tflite", lambda model, out, **_: argparse.Namespace(path=out, size=0, difference=0.0)
    )

    def build():
        for path in tmp_path.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        shutil.copytree(run.path, tmp_path / "run")
        for name in ("folder.png", "folder.npy", "readonly"):
            (tmp_path / name).mkdir()
        (tmp_path / "readonly").chmod(0o500)
        (tmp_path / "file").write_text("in the way")
        (tmp_path / "loop").symlink_to("loop")
        (tmp_path / "dangling").symlink_to("nowhere")
        os.mkfifo(tmp_path / "pipe.npz")
        images = np.random.default_rng(0).random((30, 8, 8)).astype(np.float32)
        labels = {"y_train": np.arange(20), "y_test": np.arange(10)}
        np.savez(tmp_path / "images.npz", x_train=images[:20], x_test=images[20:], **labels)
        return tmp_path

    return build


@pytest.mark.parametrize("cases", fuzz.portions(CASES, 40))
def test_every_command_line_ends_well_or_with_one_line(cases, place):
    actions = {
        name: options_of(name) for name in ("train", "evaluate", "sample", "latent", "export", *OF_FILES)
    }
    actions["info"] = []
    folder = place()
    outside = {path.name for path in folder.parent.iterdir()}

    def run(case):
        nonlocal folder
        words = line(fuzz.generator(case, seed=4), actions)
        found = judge(words, seconds=20.0, folder=folder)
        assert {path.name for path in folder.parent.iterdir()} == outside, words
        if found.code == 0:
            folder = place()
        return found

    assert judge_all(cases, run) > len(cases) // 2
