"""The command line: what a run leaves, and one line for whatever a user can mend.

Mutations, each seen to break a test here: a message of several lines; a run directory made before the data are
loaded; a setting's range or type not checked; the grey-pixel warning given for a Normal likelihood; `evaluate
--split` ignored; a seed that `sample` ignores; TensorFlow imported at the top of config.py; the directory left after
a disk that is full at config.json; OSError of a checkpoint let through; a resumption that ignores other settings;
TensorBoard not looked for before training.
"""

import contextlib
import errno
import json
import os
import resource
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from kit.clock import undisturbed
from kit.evaluations import last
from kit.refusals import one_line

from tfvae import cli, files
from tfvae.training.config import Config
from tfvae.training.runs import checkpoint, loading
from tfvae.training.runs.directory import RunDirectory

TFVAE = Path(sys.executable).with_name("tfvae")
TINY = ["--epochs", "2", "--latent-size", "2", "--checkpoint-seconds", "0"]
SLOW_MODULES = (
    "tensorflow",
    "keras",
    "tensorflow_probability",
    "tensorflow_datasets",
    "sklearn",
    "matplotlib",
)


def tree(folder):
    """Every file below a folder with its bytes; None where there is no such folder."""
    folder = Path(folder)
    if not os.path.lexists(folder):
        return None
    return {path: path.read_bytes() if path.is_file() else None for path in [folder, *folder.rglob("*")]}


def script(*words, **options):
    """Runs the installed command in a process of its own, with what a user's environment says of logging."""
    quiet = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    options = {"capture_output": True, "text": True, "timeout": 120, "env": quiet} | options
    return subprocess.run([TFVAE, *map(str, words)], **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of two epochs; tests leave it as it is."""
    path = tmp_path_factory.mktemp("runs") / "finished"
    assert cli.main(["train", "--run-dir", str(path), *TINY]) == 0
    return RunDirectory(path)


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the finished run to spoil."""
    import shutil

    return RunDirectory(shutil.copytree(finished.path, tmp_path / "copy"))


def images(count=40, shape=(8, 8), seed=0):
    return np.random.default_rng(seed).random((count, *shape)).astype(np.float32)


def npz(path, **arrays):
    np.savez(path, **{"x_train": images(), "x_test": images(10)} | arrays)
    return path


def with_pixel(value):
    spoilt = images()
    spoilt[3, 2, 1] = value
    return spoilt


# ---- bad input to train


SETTINGS = {
    "preset": ["--preset", "nothing"],
    "estimator": ["--estimator", "nothing"],
    "binarize": ["--binarize", "nothing"],
    "likelihood": ["--likelihood", "nothing"],
    "schedule": ["--schedule", "nothing"],
    "posterior": ["--posterior", "nothing"],
    "prior": ["--prior", "nothing"],
    "posterior iaf": ["--posterior", "iaf", "--estimator", "dreg", "--num-samples", "2"],
    "takes no other prior": ["--preset", "sbn-200-200-200", "--prior", "vamp"],
    "takes no other posterior": ["--preset", "draw", "--posterior", "iaf"],
    "is one of vectors": ["--preset", "ring", "--prior", "vamp"],
    "no closed form": ["--posterior", "realnvp", "--estimator", "elbo-analytic"],
    "latent_size >= 2": ["--posterior", "realnvp", "--latent-size", "1"],
    "density at any value": ["--posterior", "iaf", "--prior", "vamp"],
    "strategy": ["--strategy", "nothing"],
    "condition; expected": ["--condition", "nothing"],
    "needs a condition": ["--preset", "cvae-column", "--condition", "none"],
    "takes no condition": ["--preset", "conv", "--condition", "column"],
    "no latent variables; expected no --latent-size": ["--preset", "regressor-column", "--latent-size", "3"],
    "no latent variables; expected no --estimator": ["--preset", "regressor-column", "--estimator", "iwae"],
    "unknown data set": ["--dataset", "no_such_data_set_at_all"],
    "num_samples": ["--num-samples", "0"],
    "epochs": ["--epochs", "0"],
    "batch_size": ["--batch-size", "-1"],
    "latent_size": ["--latent-size", "0"],
    "learning_rate": ["--learning-rate", "0"],
    "learning_rate ": ["--learning-rate", "nan"],
    "learning_rate is": ["--learning-rate", "inf"],
    "kl_warmup": ["--kl-warmup", "-1"],
    "free_bits": ["--free-bits", "-1", "--estimator", "elbo-analytic"],
    "elbo-analytic": ["--free-bits", "0.1"],
    "patience": ["--patience", "-1"],
    "validation": ["--patience", "1", "--validation-size", "0"],
    "validation size": ["--validation-size", "1438"],
    "validation_size": ["--validation-size", "-1"],
    "seed": ["--seed", "-1"],
    "seed is": ["--seed", str(2**31)],
    "replicas": ["--replicas", "-1"],
    "one replica": ["--replicas", "2", "--strategy", "none"],
    "more replicas than": ["--replicas", "6", "--batch-size", "5"],
    "multiworker": ["--strategy", "multiworker"],
    "larger than the data": ["--batch-size", "1295"],
    "(28, 28, 1)": ["--preset", "burda-1layer"],
    "invalid int value": ["--epochs", "two"],
    "unrecognized arguments": ["--nothing"],
    "expected one argument": ["--epochs"],
}


@pytest.mark.parametrize("word", SETTINGS)
def test_a_bad_setting_is_refused_before_anything_is_written(word, refused, tmp_path):
    line = refused("train", "--run-dir", tmp_path / "run", *SETTINGS[word])
    assert word.strip() in line
    assert tree(tmp_path / "run") is None


@pytest.mark.parametrize("setting", ["num-samples", "epochs", "batch-size", "latent-size"])
@pytest.mark.parametrize("value", ["0", "-3"])
def test_counts_below_one_name_the_setting_and_the_value(setting, value, refused, tmp_path):
    line = refused("train", "--run-dir", tmp_path / "run", f"--{setting}", value)
    assert setting.replace("-", "_") in line and value in line
    assert tree(tmp_path / "run") is None


def test_a_command_is_required_and_known(refused):
    assert "COMMAND" in refused()
    assert "invalid choice" in refused("trian")
    assert "RUN_DIR" in refused("evaluate")


ARRAYS = {
    "x_train": {"x_train": None},
    "x_test": {"x_test": None},
    "rank": {"x_train": images(40, (8, 8, 1, 1)), "x_test": images(10, (8, 8, 1, 1))},
    "vectors do not fit": {"x_train": images(40, (64,)), "x_test": images(10, (64,))},
    "rank ": {"x_train": images(4, (8, 8, 1, 1))},
    "empty": {"x_train": images(0)},
    "NaN": {"x_train": with_pixel(np.nan)},
    "infinite": {"x_train": with_pixel(-np.inf)},
    "out of range": {"x_train": with_pixel(1.5)},
    "minimum -0.25": {"x_train": with_pixel(-0.25)},
    "maximum 256": {"x_train": with_pixel(256)},
    "differ in image shape": {"x_test": images(10, (8, 9))},
    "y_train": {"y_train": np.zeros(3, np.int64)},
    "Python objects": {"x_train": np.array([None, "x"], object)},
    "does not hold numbers": {"x_train": np.full((40, 8, 8), "x")},
    "do not fit preset": {"x_train": images(40, (7, 9)), "x_test": images(10, (7, 9))},
}


@pytest.mark.parametrize("word", ARRAYS)
def test_a_bad_npz_is_refused_before_anything_is_written(word, refused, tmp_path):
    arrays = {"x_train": images(), "x_test": images(10)} | ARRAYS[word]
    np.savez(tmp_path / "data.npz", **{name: array for name, array in arrays.items() if array is not None})
    given = ["--dataset", tmp_path / "data.npz", "--batch-size", "5", "--preset", "digits"]
    line = refused("train", "--run-dir", tmp_path / "run", *given)
    assert word.strip().removeprefix("vectors ") in line
    assert tree(tmp_path / "run") is None


def test_a_missing_or_corrupt_npz_is_refused_before_anything_is_written(refused, tmp_path):
    path = tmp_path / "data.npz"
    train = ["train", "--run-dir", tmp_path / "run", "--dataset", path]
    assert "no file" in refused(*train)
    whole = npz(path).read_bytes()
    for content in (
        b"",
        b"not a zip\nat all\n",
        whole[: len(whole) // 2],
        whole[:200] + b"\0" * 99 + whole[299:],
    ):
        path.write_bytes(content)
        assert "cannot be read" in refused(*train)
    path.unlink()
    path.mkdir()
    assert "cannot be read" in refused(*train)
    assert tree(tmp_path / "run") is None


@pytest.mark.slow
@pytest.mark.alone
def test_a_data_set_that_is_not_prepared_is_refused_within_five_seconds_without_a_network(tmp_path):
    dead = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = (
        os.environ | dead | {"TFDS_DATA_DIR": str(tmp_path / "data"), "no_proxy": "", "NO_PROXY": ""}
    )
    (tmp_path / "data").mkdir()

    def refused():
        done = script("train", "--run-dir", tmp_path / "run", "--dataset", "kmnist", env=environment)
        assert done.returncode == 2
        assert "kmnist is not prepared" in one_line(done.stderr)

    assert undisturbed(refused, repeats=2) < 5.0
    assert tree(tmp_path / "run") is None


def test_tensorboard_is_looked_for_before_anything_is_written(refused, tmp_path, monkeypatch):
    find_spec = cli_find_spec()
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *rest: None if name == "tensorboard" else find_spec(name, *rest),
    )
    assert "pip install tensorboard" in refused(
        "train", "--run-dir", tmp_path / "run", "--tensorboard", *TINY
    )
    assert tree(tmp_path / "run") is None


def cli_find_spec():
    import importlib.util

    return importlib.util.find_spec


# ---- where a run cannot go


def test_a_directory_that_is_not_empty_is_left_alone(refused, finished, tmp_path):
    before = tree(finished.path)
    assert "not empty" in refused("train", "--run-dir", finished.path, *TINY)
    assert tree(finished.path) == before
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".hidden").touch()
    assert "--resume" in refused("train", "--run-dir", tmp_path / "run", *TINY)
    assert "not empty" in refused("train", "--run-dir", "", *TINY)


def test_an_unwritable_place_is_refused(refused, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    assert "is a file" in refused("train", "--run-dir", tmp_path / "file", *TINY)
    assert "cannot write" in refused("train", "--run-dir", tmp_path / "file" / "run", *TINY)
    assert "cannot write" in refused("train", "--run-dir", "/dev/null/run", *TINY)
    assert "cannot write" in refused("train", "--run-dir", tmp_path / ("long" * 100), *TINY)
    assert (tmp_path / "file").read_text() == "in the way"
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    assert "cannot write" in refused("train", "--run-dir", tmp_path / "a" / "run", *TINY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_a_directory_that_the_system_refuses_is_told_in_one_line(refused):
    assert "cannot write /proc/run" in refused("train", "--run-dir", "/proc/run", *TINY)


def test_a_disk_that_is_full_at_the_start_leaves_nothing(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, "fsync", no_space)
    assert "No space left" in refused("train", "--run-dir", tmp_path / "new" / "run", *TINY)
    assert tree(tmp_path / "new") is None
    (tmp_path / "there").mkdir()
    refused("train", "--run-dir", tmp_path / "there", *TINY)
    assert tree(tmp_path / "there") == {tmp_path / "there": None}


def no_space(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_a_kill_left_before_config_json_is_no_obstacle(tmp_path):
    (tmp_path / f"{files.PARTIAL}config-abc.json").write_text("{")
    run = RunDirectory(tmp_path)
    run.check_free()
    run.create(Config.resolve({}), ["tfvae", "train"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoints", "config.json", "figures"]


# ---- resuming


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["--mixed-precision", "float8"],
            "mixed_precision; expected one of none, float16, bfloat16; received 'float8'",
        ),
        (["--jit", "--strategy", "mirrored"], "--jit compiles the step of one device"),
        (["--jit", "--strategy", "multiworker"], "multiworker"),
        (["--jit", "--replicas", "2"], "received --strategy auto --replicas 2"),
    ],
)
def test_precision_and_jit_that_cannot_be_had(refused, tmp_path, words, told):
    assert told in refused("train", "--run-dir", tmp_path / "run", *words)
    assert tree(tmp_path / "run") is None


def test_the_format_of_mixed_precision_is_optional():
    from tfvae.cli.arguments import parser

    for words, expected in (
        ([], None),
        (["--mixed-precision"], "float16"),
        (["--mixed-precision", "bfloat16"], "bfloat16"),
    ):
        assert parser().parse_args(["train", *words, "--epochs", "2"]).mixed_precision == expected


def test_resume_wants_a_run(refused, tmp_path):
    assert "--run-dir" in refused("train", "--resume")
    assert "no run" in refused("train", "--resume", "--run-dir", tmp_path / "nowhere")
    assert tree(tmp_path / "nowhere") is None
    (tmp_path / "empty").mkdir()
    assert "no run" in refused("train", "--resume", "--run-dir", tmp_path / "empty")
    assert tree(tmp_path / "empty") == {tmp_path / "empty": None}


def test_resume_names_every_setting_that_differs_and_no_other(refused, finished):
    before = tree(finished.path)
    given = ["--epochs", "3", "--latent-size", "2", "--learning-rate", "0.5", "--mixed-precision"]
    line = refused("train", "--resume", "--run-dir", finished.path, *given)
    for change in (
        "epochs (2 there, 3 here)",
        "learning_rate (0.002 there, 0.5 here)",
        "mixed_precision (none",
    ):
        assert change in line
    assert "latent_size" not in line and "preset" not in line
    assert tree(finished.path) == before


def damaged_configs():
    whole = {"config": Config.resolve({"epochs": 2, "latent_size": 2}).to_json(), "argv": [], "seed": 0}
    whole["versions"] = {}

    def changed(**settings):
        return json.dumps(whole | {"config": whole["config"] | settings}).encode()

    lacking = {name: value for name, value in whole["config"].items() if name != "seed"}
    return {
        "truncated": changed()[:-40],
        "empty": b"",
        "binary": b"\xff\xfe\x00",
        "a list": b"[]",
        "null": b"null",
        "no settings": b'{"argv": []}',
        "settings null": b'{"config": null}',
        "a setting lacking": json.dumps({"config": lacking}).encode(),
        "a setting unknown": changed(nothing=1),
        "epochs text": changed(epochs="2"),
        "epochs true": changed(epochs=True),
        "epochs fractional": changed(epochs=2.5),
        "kl_warmup fractional": changed(kl_warmup=0.5),
        "data set a number": changed(dataset=7),
        "mixed_precision text": changed(mixed_precision="no"),
        "seed fractional": changed(seed=0.5),
        "out of range": changed(batch_size=0),
        "unknown preset": changed(preset="nothing\nat all"),
        "nested": b'{"config": ' + b"[" * 100_000,
        "nested but closed": changed(estimator_options=json.loads("[" * 90 + "]" * 90)),
        "endless epochs": changed(epochs=10**400),
        "endless digits": changed(epochs=0).replace(b'"epochs": 0', b'"epochs": ' + b"9" * 6000),
        "a preset that is a list": changed(preset=["digits"]),
        "a condition that is an object": changed(condition={}),
        "a name twice": changed().replace(b'"seed"', b'"seed": 7, "seed"', 1),
        "byte order mark": b"\xef\xbb\xbf" + changed(),
        "no versions": json.dumps({"config": whole["config"], "argv": []}).encode(),
        "versions a list": json.dumps(whole | {"versions": []}).encode(),
        "argv of numbers": json.dumps(whole | {"argv": [1]}).encode(),
    }


DAMAGED = damaged_configs()


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_config_json_is_told_by_every_command(damage, refused, copy):
    copy.config_file.write_bytes(DAMAGED[damage])
    before = tree(copy.path)
    for words in (["train", "--resume", "--run-dir"], ["evaluate"], ["sample"], ["info"]):
        assert "config.json is damaged" in refused(*words, copy.path)
    assert tree(copy.path) == before


@pytest.mark.parametrize(
    ("preset", "heads"),
    [("cvae-column", ("diagonal", "learned")), ("sbn-200-200-200", ("bernoulli", "bernoulli")),
     ("regressor-column", ("none", "none")), ("draw", ("diagonal", "standard"))],
)  # fmt: skip
def test_settings_tell_the_posterior_and_the_prior_that_a_preset_has(preset, heads):
    config = Config.resolve({"preset": preset})
    assert (config.posterior, config.prior) == heads
    assert Config.from_json(config.to_json()) == config


def test_a_conditional_prior_may_be_fixed():
    config = Config.resolve({"preset": "digits", "condition": "label", "prior": "fixed"})
    assert Config.from_json(config.to_json()).prior == "fixed"
    assert Config.resolve({"preset": "digits", "condition": "label"}).prior == "learned"


@pytest.mark.slow
def test_a_flexible_posterior_and_prior_end_to_end(tmp_path):
    run = RunDirectory(tmp_path / "run")
    assert (
        cli.main(["train", "--run-dir", str(run.path), *TINY, "--posterior", "iaf", "--prior", "realnvp"])
        == 0
    )
    assert cli.main(["evaluate", str(run.path), "--num-samples", "20", "--limit", "50"]) == 0
    assert np.isfinite(run.read_evaluation()["nll"])


# ---- bad input to the other commands


def test_bad_input_to_evaluate(refused, finished, copy):
    before = tree(finished.path)
    assert "no run" in refused("evaluate", finished.path.parent)
    assert "no run" in refused("evaluate", finished.config_file)
    assert "no run" in refused("evaluate", "long" * 100)
    assert "--split" in refused("evaluate", finished.path, "--split", "nothing")
    assert "--num-samples" in refused("evaluate", finished.path, "--num-samples", "0")
    assert "--limit" in refused("evaluate", finished.path, "--limit", "0")
    assert "359" in refused("evaluate", finished.path, "--limit", "360")
    assert "seed" in refused(
        "evaluate", finished.path, "--seed", str(2**31), "--num-samples", "1", "--limit", "1"
    )
    assert tree(finished.path) == before
    whole = copy.model_file.read_bytes()
    flipped = bytearray(whole)
    flipped[200] ^= 0xFF
    for content in (flipped, whole[:-2000]):
        copy.model_file.write_bytes(content)
        assert "model.keras is damaged" in refused("evaluate", copy.path)
    copy.model_file.unlink()
    assert "no trained model" in refused("evaluate", copy.path)
    assert "no trained model" in refused("sample", copy.path)


def test_bad_input_to_a_full_evaluation(refused, finished, copy):
    before = tree(finished.path)
    assert "expected 1 to 359 examples" in refused("evaluate", finished.path, "--full", "--limit", "360")
    assert "--num-samples" in refused("evaluate", finished.path, "--full", "--num-samples", "1")
    assert "--gap-steps" in refused("evaluate", finished.path, "--full", "--gap-steps", "1")
    assert "no run" in refused("evaluate", finished.path.parent, "--full")
    assert tree(finished.path) == before
    copy.model_file.unlink()
    assert "no trained model" in refused("evaluate", copy.path, "--full")
    assert not copy.report_file.exists()


def test_bad_input_to_sample(refused, finished, tmp_path):
    before = tree(finished.path)
    assert "-n" in refused("sample", finished.path, "-n", "0")
    assert "unknown ending" in refused("sample", finished.path, "--out", tmp_path / "samples.jpg")
    assert "no directory" in refused("sample", finished.path, "--out", tmp_path / "nowhere" / "samples.png")
    assert "seed" in refused("sample", finished.path, "--seed", str(2**31))
    (tmp_path / "folder.npy").mkdir()
    assert "cannot write" in refused("sample", finished.path, "--out", tmp_path / "folder.npy")
    assert tree(finished.path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["folder.npy"]


def test_damaged_results_are_told_by_info(refused, copy):
    copy.evaluation_file.write_text("{")
    assert "evaluation.json is damaged" in refused("info", copy.path)
    copy.history_file.write_text("epoch,loss\n1,two\n")
    assert "history.csv is damaged" in refused("info", copy.path)


# ---- a full disk


def test_a_full_disk_at_a_checkpoint_leaves_the_one_before(refused, tmp_path, monkeypatch):
    save = checkpoint.save

    def full_at_the_second(folder, model, history, *rest):
        if len(history) == 2:
            monkeypatch.setattr(files.os, "fsync", no_space)
        return save(folder, model, history, *rest)

    monkeypatch.setattr(checkpoint, "save", full_at_the_second)
    run = RunDirectory(tmp_path / "run")
    line = refused("train", "--run-dir", run.path, *TINY, "--figures-every", "0", "--quiet")
    assert "No space left on device" in line and str(run.path) in line
    newest, problems = checkpoint.load_newest(run.checkpoints)
    assert newest.epoch == 1 and problems == []
    assert len(run.read_history()) == 1
    assert not run.model_file.exists()
    assert not [path for path in run.path.rglob("*") if path.name.startswith(".")]


@contextlib.contextmanager
def largest_file(size):
    """No file of this process may grow beyond a number of bytes."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


@pytest.mark.slow
@pytest.mark.parametrize("at", ["checkpoint", "model"])
def test_a_real_limit_on_file_size_leaves_what_was_complete(at, finished, tmp_path, capsys):
    """The archive of a checkpoint grows by a row of the history with each epoch, and model.keras is larger still."""
    limit = checkpoint.path_of(finished.checkpoints, 2).stat().st_size + 500
    limit += 0 if at == "checkpoint" else 5000
    assert limit < finished.model_file.stat().st_size
    run = RunDirectory(tmp_path / "run")
    words = ["train", "--run-dir", str(run.path), *TINY, "--epochs", "3", "--figures-every", "0"]
    capsys.readouterr()
    with largest_file(limit):
        assert cli.main([*words, "--quiet"]) == 2
    output, errors = capsys.readouterr()
    assert "File too large" in one_line(errors) and output == ""
    newest, problems = checkpoint.load_newest(run.checkpoints)
    assert newest.epoch == {"checkpoint": 2, "model": 3}[at] and problems == []
    assert not run.model_file.exists()
    assert not [path for path in run.path.rglob("*") if path.name.startswith(".")]
    assert cli.main(["train", "--run-dir", str(run.path), "--resume"]) == 0
    assert len(run.read_history()) == 3 and run.model_file.exists()


# ---- what a run leaves


def test_a_run_directory_holds_what_the_contract_lists(finished):
    import matplotlib.image

    content = json.loads(finished.config_file.read_text())
    assert (
        content["config"]
        == Config.resolve({"epochs": 2, "latent_size": 2, "checkpoint_seconds": 0.0}).to_json()
    )
    assert set(content) == {"config", "started_with", "argv", "seed", "versions", "data_sha256"}
    assert content["started_with"] == content["config"] and content["seed"] == 0
    assert {"python", "tfvae", "tensorflow", "keras", "numpy"} <= set(content["versions"])

    rows = finished.read_history()
    columns = ["epoch", "bound", "distortion", "loss", "rate"]
    columns += [f"val_{name}" for name in columns[1:]] + ["learning_rate", "seconds"]
    assert [list(row) for row in rows] == [columns, columns]
    assert [row["epoch"] for row in rows] == [1, 2]
    for row in rows:
        assert row["bound"] == pytest.approx(-row["distortion"] - row["rate"], rel=1e-5)
        assert row["loss"] == -row["bound"]
    assert rows[0]["learning_rate"] == pytest.approx(0.002) and rows[1]["learning_rate"] == pytest.approx(
        0.001
    )

    names = ["latent_map", "loss_curves", "manifold", "reconstructions", "samples"]
    assert sorted(path.stem for path in finished.figures.glob("*.png")) >= names
    for name in names:
        assert min(matplotlib.image.imread(finished.figures / f"{name}.png").shape[:2]) > 100
    assert sorted(path.name for path in finished.checkpoints.iterdir()) == [
        "epoch-000001.ckpt",
        "epoch-000002.ckpt",
    ]
    assert not [path for path in finished.path.rglob("*") if path.name.startswith(".")]


def test_evaluate_writes_and_says_its_result(copy, capsys):
    arguments = ["evaluate", str(copy.path), "--num-samples", "20", "--limit", "50"]
    assert cli.main(arguments) == 0
    result = json.loads(copy.evaluation_file.read_text())
    expected = {
        "num_samples": 20,
        "num_examples": 50,
        "split": "test",
        "binarize": "dynamic",
        "latent_size": 2,
    }
    assert expected.items() <= result.items()
    assert 20 < result["nll"] < 32 and 0 < result["nll_standard_error"] < 2
    assert -result["elbo"] > result["nll"] and 0 <= result["active_units"] <= 2
    assert result["active_units_by_layer"] == [result["active_units"]] and result["units_by_layer"] == [2]
    output = capsys.readouterr().out
    assert f"{result['nll']:.2f} +- {result['nll_standard_error']:.2f} nats" in output
    assert str(copy.evaluation_file) in output
    assert cli.main(arguments) == 0
    assert json.loads(copy.evaluation_file.read_text()) == result
    assert cli.main([*arguments, "--split", "train"]) == 0
    train = last(copy)
    assert train["split"] == "train" and train["nll"] != result["nll"]
    assert json.loads(copy.evaluation_file.read_text()) == result
    told = (
        f"{copy.evaluation_file} still tells {result['evaluation']}, which is of a split that counts for more"
    )
    assert told in capsys.readouterr().out
    assert cli.main([*arguments, "--seed", "1"]) == 0
    assert 0 < abs(json.loads(copy.evaluation_file.read_text())["nll"] - result["nll"]) < 0.5
    capsys.readouterr()
    assert cli.main(["info", str(copy.path)]) == 0
    told = capsys.readouterr().out
    assert "epochs done 2 of 2" in told
    listed = [line for line in told.splitlines() if line[2:].startswith("importance-")]
    assert len(listed) == 3 and [line[0] for line in listed] == [" ", " ", "*"]
    for line, split in zip(listed, ("test", "train", "test"), strict=True):
        assert f"50 {split} examples, K = 20" in line


def test_evaluation_json_is_strict_where_an_error_is_unknown(copy):
    assert cli.main(["evaluate", str(copy.path), "--num-samples", "1", "--limit", "1"]) == 0

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    written = json.loads(copy.evaluation_file.read_text(), parse_constant=refuse)
    assert written["nll_standard_error"] is None and np.isfinite(written["nll"])


@pytest.mark.slow
def test_evaluate_says_why_the_bound_is_loose(copy, capsys):
    arguments = ["evaluate", str(copy.path), "--num-samples", "50", "--limit", "60", "--gap"]
    assert cli.main([*arguments, "--gap-examples", "52", "--gap-steps", "40"]) == 0
    written = json.loads(copy.evaluation_file.read_text())
    output = capsys.readouterr().out
    for name in ("inference", "approximation", "amortization"):
        mean, error = written[f"{name}_gap"], written[f"{name}_gap_standard_error"]
        assert f"  {name} gap" in output and f" {mean:.2f} +- {error:.2f} nats" in output
        assert 0 < error < 1
    assert written["inference_gap"] == pytest.approx(
        written["approximation_gap"] + written["amortization_gap"], abs=1e-6
    )
    assert written["amortization_gap"] > 0
    assert written["gap_verdict"] in output
    assert (written["gap_num_examples"], written["gap_steps"], written["num_examples"]) == (52, 40, 60)
    assert "gap" not in " ".join(path.name for path in copy.path.iterdir())


def test_bad_input_to_the_gap(refused, finished):
    assert "--gap-steps belongs to --gap" in refused("evaluate", finished.path, "--gap-steps", "10")
    assert "--gap-examples" in refused("evaluate", finished.path, "--gap", "--gap-examples", "0")
    assert "--gap-steps" in refused("evaluate", finished.path, "--gap", "--gap-steps", "1")
    assert "--num-samples" in refused("evaluate", finished.path, "--gap", "--num-samples", "1")
    line = refused("evaluate", finished.path, "--gap", "--limit", "5", "--gap-examples", "6")
    assert "--gap-examples is larger than --limit" in line


def test_an_npz_is_remembered_by_its_absolute_path(tmp_path, monkeypatch):
    from tfvae.training import loop

    seen = []
    monkeypatch.setattr(loop, "train", lambda config, run, **_: seen.append(config.dataset))
    monkeypatch.chdir(tmp_path)
    npz(tmp_path / "data.npz")
    assert cli.main(["train", "--run-dir", "run", "--dataset", "data.npz"]) == 0
    assert seen == [str(tmp_path / "data.npz")]


def test_sample_i_depends_on_the_seed_and_i_alone(copy, tmp_path, capsys):
    def sample(*words):
        assert cli.main(["sample", str(copy.path), *words]) == 0
        return Path(capsys.readouterr().out.strip())

    def array(name, *words):
        path = sample("--out", str(tmp_path / name), *words)
        assert path == tmp_path / name
        return np.load(path)

    nine = array("a.npy", "-n", "9")
    assert nine.shape == (9, 8, 8, 1) and nine.dtype == np.float32 and 0 <= nine.min() < nine.max() <= 1
    np.testing.assert_allclose(array("b.npy", "-n", "3"), nine[:3], rtol=1e-5, atol=1e-6)
    assert np.array_equal(array("c.npy", "-n", "9", "--seed", "0"), nine)
    assert np.abs(array("d.npy", "-n", "9", "--seed", "1") - nine).max() > 1e-4
    default = sample("-n", "5", "--seed", "7")
    assert default == copy.figures / "samples-7.png" and default.stat().st_size > 1000


def test_info_lists_what_there_is(capsys):
    from tfvae import estimators, presets

    assert cli.main(["info"]) == 0
    output = capsys.readouterr().out
    for word in ("tensorflow 2.", "CPU:0", "digits", *presets.names(), *estimators.names()):
        assert word in output


@pytest.mark.slow
def test_the_convolutional_preset_end_to_end_on_images_of_its_own_size(tmp_path, monkeypatch, capsys):
    shape = (12, 20, 3)
    data = npz(tmp_path / "data.npz", x_train=images(40, shape), x_test=images(10, shape))
    words = [
        "--preset",
        "conv",
        "--epochs",
        "2",
        "--latent-size",
        "4",
        "--batch-size",
        "16",
        "--dataset",
        "data.npz",
    ]
    done = script(
        "train", "--run-dir", "run", *words, "--likelihood", "normal", "--binarize", "none", cwd=tmp_path
    )
    assert done.returncode == 0 and "warning" not in done.stderr
    assert "next: tfvae evaluate run" in done.stdout
    argv = json.loads((tmp_path / "run" / "config.json").read_text())["argv"]
    assert argv[:4] == ["tfvae", "train", "--run-dir", "run"]
    monkeypatch.chdir(tmp_path)
    assert cli.main(["evaluate", "run", "--num-samples", "10"]) == 0
    assert "10 examples" in capsys.readouterr().out
    assert cli.main(["sample", "run", "-n", "4", "--out", "samples.npy"]) == 0
    assert np.load("samples.npy").shape == (4, *shape)
    assert len(data.read_bytes()) and cli.main(["info", "run"]) == 0


# ---- warnings


def test_grey_pixels_under_a_bernoulli_likelihood_earn_a_warning(tmp_path):

    with pytest.warns(UserWarning, match=r"--likelihood normal.*--binarize dynamic"):
        loading.load_data(Config.resolve({"binarize": "none"}))
    black_and_white = {name: np.round(images()) for name in ("x_train", "x_test")}
    silent = (
        {"binarize": "dynamic"},
        {"binarize": "threshold"},
        {"binarize": "none", "likelihood": "normal"},
        {"binarize": "none", "dataset": str(npz(tmp_path / "bw.npz", **black_and_white)), "batch_size": 4},
    )
    for settings in silent:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            loading.load_data(Config.resolve(settings))


def test_a_warning_is_one_line():
    code = """
import warnings
from tfvae import cli
cli.COMMANDS["info"] = lambda _: warnings.warn("grey pixels")
cli.main(["info"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "tfvae: warning: grey pixels\n"


# ---- promptness


@pytest.mark.alone
def test_help_and_refusals_are_prompt(tmp_path):
    refusals = (
        ["train", "--epochs", "0"],
        ["train", "--preset", "nothing"],
        ["evaluate", "nowhere"],
        ["--nothing"],
    )
    for words in (["--help"], ["train", "--help"], *refusals):
        done = []
        seconds = undisturbed(lambda words=words, done=done: done.append(script(*words, cwd=tmp_path)))
        assert seconds < 0.5, f"{words} took {seconds:.2f} s at best"
        *_, done = done
        if words in refusals:
            assert done.returncode == 2 and done.stdout == "" and one_line(done.stderr)
        else:
            assert done.returncode == 0 and done.stderr == "" and "usage: tfvae" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_refusals_load_nothing_slow(tmp_path):
    npz(tmp_path / "bad.npz", x_train=with_pixel(np.nan))
    lines = (
        ["--help"],
        ["train", "--estimator", "nothing"],
        ["train", "--resume", "--run-dir", "nowhere"],
        ["train", "--dataset", "nowhere.npz"],
        ["train", "--dataset", "bad.npz"],
        ["train", "--run-dir", "."],
        ["train", "--tensorboard", "--strategy", "multiworker"],
        ["evaluate", "nowhere"],
        ["sample", "nowhere", "-n", "0"],
        ["info", "nowhere"],
    )
    code = f"""
import sys
from tfvae import cli
for words in {lines}:
    try:
        assert cli.main(words) == 2, words
    except SystemExit as error:
        assert error.code == 0
    slow = sorted(set({SLOW_MODULES}) & set(sys.modules))
    assert not slow, (words, slow)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == len(lines) - 1


def test_changed_data_are_refused(tmp_path, capsys):
    file, path = tmp_path / "data.npz", tmp_path / "run"
    images = np.random.default_rng(0).random((60, 8, 8))
    np.savez(file, x_train=images[:40], x_test=images[40:])
    train = ["train", "--run-dir", path, "--dataset", file, "--epochs", "1", "--batch-size", "20"]
    assert cli.main([str(word) for word in [*train, "--latent-size", "2", "--figures-every", "0"]]) == 0
    images[0, 0, 0] = 1.0 - images[0, 0, 0]
    np.savez(file, x_train=images[:40], x_test=images[40:])
    for words in (["evaluate", path], ["train", "--run-dir", path, "--resume"]):
        capsys.readouterr()
        assert cli.main([str(word) for word in words]) == 2
        assert "has changed since the run" in capsys.readouterr().err.splitlines()[-1]
