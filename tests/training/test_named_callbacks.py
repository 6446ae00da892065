"""Callbacks that a user names on the command line.

Written against this mutation: the callbacks not given to `fit`.
"""

import pytest

from tfvae import cli
from tfvae.checks import UserError
from tfvae.training import named_callbacks

MODULE = """
import keras

class Logger(keras.callbacks.Callback):
    epochs = []
    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append((epoch, sorted(logs)))

class Nested:
    Logger = Logger

def failing():
    raise RuntimeError("no key\\nlog in first")

def nothing():
    return 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "loggers_of_mine.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return "loggers_of_mine"


@pytest.mark.parametrize("name", ["wandb", "a:", ":b", "a b:c", "a:b c", "os:path:join", "../x:y"])
def test_another_form_is_refused(name):
    with pytest.raises(UserError, match="names no factory of a callback; expected MODULE:FACTORY"):
        named_callbacks.check([name])


def test_a_package_that_is_not_there_is_named(tmp_path, capsys):
    words = ["train", "--run-dir", str(tmp_path / "run"), "--callback", "no_such_package_at_all.keras:Logger"]
    assert cli.main(words) == 2
    line = capsys.readouterr().err
    assert "needs the package no_such_package_at_all; pip install" in line and line.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        ("absent", "cannot be made; received module 'loggers_of_mine' has no attribute 'absent'"),
        ("failing", "cannot be made; received no key"),
        ("nothing", "makes no Keras callback; expected a keras.callbacks.Callback; received int"),
    ],
)
def test_a_factory_that_fails_is_told_in_one_line(factory, told, module):
    with pytest.raises(UserError, match=told) as caught:
        named_callbacks.make([f"{module}:{factory}"])
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_callback_sees_every_epoch(module, tmp_path):
    words = ["--epochs", "2", "--latent-size", "2", "--figures-every", "0", "--quiet"]
    words += ["--callback", f"{module}:Logger", "--callback", f"{module}:Nested.Logger"]
    assert cli.main(["train", "--run-dir", str(tmp_path / "run"), *words]) == 0
    import loggers_of_mine

    assert [epoch for epoch, _ in loggers_of_mine.Logger.epochs] == [0, 0, 1, 1]
    assert {"bound", "val_bound"} <= set(loggers_of_mine.Logger.epochs[0][1])
