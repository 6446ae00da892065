"""What a user waits for before anything happens. (The command line's promptness: tests/test_cli.py.)

Mutations, each seen to break a test here: `time.sleep(0.6)` at the top of tfvae/models/base.py, and 10 s of it in
`Trainer.fit`.
"""

import json
import subprocess
import sys
import time

import pytest

ADDED = """
import json, time
import tensorflow, tensorflow_probability, keras
began = time.perf_counter()
import tfvae
tfvae.VAE, tfvae.presets.create, tfvae.estimators.names
print(json.dumps(time.perf_counter() - began))
"""

FIRST_STEP = """
import json, sys, time
from tfvae import cli
from tfvae.training import callbacks

class Done(BaseException):
    pass

def stop(self, batch, logs=None):
    print(json.dumps(time.time() - float(sys.argv[2])))
    raise Done

callbacks.Recorder.on_train_batch_end = stop
try:
    cli.main(["train", "--run-dir", sys.argv[1]])
except Done:
    pass
"""


def seconds(code, *arguments):
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.alone
def test_importing_tfvae_adds_little_to_tensorflow_and_tfp():
    assert min(seconds(ADDED) for _ in range(3)) < 0.5


@pytest.mark.slow
@pytest.mark.alone
def test_the_first_step_comes_soon(tmp_path):
    assert min(seconds(FIRST_STEP, tmp_path / str(number), time.time()) for number in range(3)) < 10
