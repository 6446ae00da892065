"""What a user waits for before anything happens. (The command line's promptness: tests/test_cli.py.)

Mutations, each seen to break a test here: `time.sleep(0.6)` at the top of tfvae/models/base.py, and 10 s of it in
`Trainer.fit`.
"""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from kit.clock import undisturbed

ADDED = """
import sys, tensorflow, tensorflow_probability, keras
sys.path.insert(0, sys.argv[1])
from kit.clock import undisturbed
def load():
    import tfvae
    tfvae.VAE, tfvae.presets.create, tfvae.estimators.names
print(undisturbed(load, repeats=1))
"""

IMPORTS = "import tensorflow, tensorflow_probability, keras, sklearn.datasets"
FIRST_STEP = """
import sys
from tfvae import cli
from tfvae.training import callbacks

class Done(BaseException):
    pass

def stop(self, batch, logs=None):
    raise Done

callbacks.Recorder.on_train_batch_end = stop
try:
    cli.main(["train", "--run-dir", sys.argv[1]])
except Done:
    pass
"""


def run(code, *arguments):
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.alone
def test_importing_tfvae_adds_little_to_tensorflow_and_tfp():
    assert min(float(run(ADDED, Path(__file__).parent)) for _ in range(3)) < 0.5


@pytest.mark.slow
@pytest.mark.alone
def test_the_first_step_comes_soon(tmp_path):
    """Within twice what the imports take, which is 4 to 10 s by machine."""
    numbers = itertools.count()
    imports = undisturbed(lambda: run(IMPORTS), repeats=2)
    assert undisturbed(lambda: run(FIRST_STEP, tmp_path / str(next(numbers))), repeats=2) < 2 * imports
