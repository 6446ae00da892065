"""`tfvae export`, from a run directory to files that load.

Mutations, each seen to break a test here: options of the other format ignored, --num-samples not passed on, a default
target outside the run.
"""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from kit.serving_process import Server

from tfvae import cli, presets
from tfvae.export import OnDevice, web
from tfvae.training.config import Config
from tfvae.training.runs.directory import RunDirectory


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run directory as training leaves it, but for the training."""
    run = RunDirectory(tmp_path_factory.mktemp("run") / "run")
    run.create(Config.resolve({"epochs": 1}), ["tfvae", "train"])
    presets.create("digits").save(run.model_file)
    return run


def command(capfd, *arguments):
    capfd.readouterr()
    code = cli.main(["export", *map(str, arguments)])
    said = capfd.readouterr()
    return code, said.out, said.err


def test_saved_model(run, capfd):
    code, said, _ = command(capfd, run.path, "--format", "saved_model", "--num-samples", 3)
    assert code == 0
    path = run.path / "export" / "saved_model" / "1"
    assert str(path) in said and "compose.yaml" in said
    compose = said.split(" -f ")[1].split()[0]
    assert os.path.isfile(compose)
    assert json.loads((path / "signatures.json").read_text())["num_samples"] == 3
    with Server(path) as server:
        assert server.read("sample", {"seed": np.zeros((2, 2), np.int32)})["image"].shape == (2, 8, 8, 1)
    code, _, told = command(capfd, run.path, "--format", "saved_model")
    assert code == 2 and "exists" in told and told.count("\n") == 1
    assert command(capfd, run.path, "--format", "saved_model", "--overwrite")[0] == 0
    assert json.loads((path / "signatures.json").read_text())["num_samples"] == 64


@pytest.mark.slow
def test_tflite(run, capfd, tmp_path):
    options = ("--format", "tflite", "--out", tmp_path, "--num-samples", 2)
    code, said, _ = command(capfd, run.path, *options, "--quantization", "float16")
    assert code == 0 and "the ELBO changes by" in said and "images" in said
    assert OnDevice(tmp_path / "model-float16.tflite").sample(2, seed=7).shape == (2, 8, 8, 1)
    code, _, told = command(capfd, run.path, *options, "--quantization", "float16")
    assert code == 2 and "exists" in told
    code, said, _ = command(capfd, run.path, *options, "--fixed-batch", 2)
    assert code == 0 and "largest difference" in said
    assert OnDevice(tmp_path / "model.tflite").inputs["decode"]["z"][1] == [2, 8]


@pytest.mark.slow
def test_web(run, capfd, tmp_path):
    for name in web.VENDORED:
        file = tmp_path / "node_modules" / "@litertjs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    options = ("--format", "web", "--out", tmp_path / "page", "--runtime")
    code, _, told = command(capfd, run.path, *options, tmp_path)
    assert code == 2 and "npm install @litertjs/core" in told
    code, said, _ = command(capfd, run.path, *options, tmp_path / "node_modules")
    assert code == 0 and "python -m http.server" in said
    page = json.loads((tmp_path / "page" / "page.json").read_text())
    assert page["image"] == [8, 8, 1] and len(page["units"]) == 8
    assert [attribute["name"] for attribute in page["attributes"]] == list("0123456789")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "onnx"], "invalid choice"),
        (
            ["--format", "tflite", "--quantization", "int8"],
            "int8 is not offered: even a decoder alone rounds",
        ),
        (["--format", "tflite", "--quantization", "int4"], "invalid choice: 'int4'"),
        ([], "--format"),
        (["--format", "saved_model", "--quantization", "float16"], "--quantization is for --format tflite"),
        (["--format", "tflite", "--runtime", "."], "--runtime is for --format web"),
        (["--format", "web", "--num-samples", "2"], "--num-samples is for"),
        (["--format", "saved_model", "--fixed-batch", "4"], "--fixed-batch is for --format tflite"),
        (["--format", "tflite", "--version", "2"], "--version is for --format saved_model"),
        (["--format", "tflite", "--num-samples", "0"], "--num-samples is not a positive integer"),
        (["--format", "tflite", "--fixed-batch", "-1"], "--fixed-batch is not a positive integer"),
        (["--format", "saved_model", "--version", "0"], "--version is not a positive integer"),
    ],
)
def test_bad_options(run, capfd, arguments, words):
    before = sorted(run.path.rglob("*"))
    code, _, told = command(capfd, run.path, *arguments)
    assert code == 2 and words in told and told.count("\n") == 1
    assert sorted(run.path.rglob("*")) == before


def test_no_run_and_no_model(capfd, tmp_path):
    code, _, told = command(capfd, tmp_path, "--format", "tflite")
    assert code == 2 and "there is no run" in told
    run = RunDirectory(tmp_path / "run")
    run.create(Config.resolve({}), [])
    code, _, told = command(capfd, run.path, "--format", "tflite")
    assert code == 2 and "holds no trained model" in told and not (run.path / "export").exists()


def test_errors_come_before_tensorflow(run):
    code = (
        "import sys\nfrom tfvae import cli\n"
        f"assert cli.main(['export', {str(run.path)!r}, '--format', 'tflite', '--fixed-batch', '0']) == 2\n"
        f"assert cli.main(['export', {str(run.path)!r}, '--format', 'tflite', '--out', {str(run.config_file.parent)!r}"
        " + '/x.tflite', '--version', '3']) == 2\nassert 'tensorflow' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
