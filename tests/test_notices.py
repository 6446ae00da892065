"""Every command writes to standard error what tfvae says, and no notice of TensorFlow, oneDNN, LiteRT or XNNPACK.

Written against these mutations: a module that imports TensorFlow before `quiet_tensorflow` does; the notices
of LiteRT let through.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from kit.marks import tiers

from tfvae.training import quiet_tensorflow

TFVAE = Path(sys.executable).with_name("tfvae")
COMMANDS = {
    "sample": ["sample", "run", "--out", "samples.png"],
    "latent": ["latent", "run", "interpolate", "--out", "paths.png"],
    "reconstruct": ["reconstruct", "run", "new.npy"],
    "evaluate": ["evaluate", "run", "--limit", "4", "--num-samples", "5"],
    "tflite": ["export", "run", "--format", "tflite"],
    "saved_model": ["export", "run", "--format", "saved_model"],
    "info": ["info"],
    "train": ["train", "--quiet", "--epochs", "1", "--run-dir", "other"],
}
OURS = ("importance sampling: example ", "tfvae: warning: ")  # what a line begins with


@pytest.mark.parametrize("name", tiers(COMMANDS, fast=(), kept=["sample", "latent", "tflite"]))
def test_a_command_has_standard_error_to_itself(name, untrained_run, tmp_path):
    shutil.copytree(untrained_run, tmp_path / "run")
    np.save(tmp_path / "new.npy", np.random.default_rng(0).random((20, 8, 8)))
    bare = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [TFVAE, *COMMANDS[name]], cwd=tmp_path, env=bare, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    foreign = [line for line in done.stderr.splitlines() if not line.startswith(OURS)]
    assert not foreign


def test_what_is_no_notice_passes(capfd):
    with quiet_tensorflow.without_notices():
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\nours\n")
    assert capfd.readouterr().err == "ours\n"
    with pytest.raises(ZeroDivisionError), quiet_tensorflow.without_notices():
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
        raise ZeroDivisionError
    assert "XNNPACK" in capfd.readouterr().err
