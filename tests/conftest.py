"""Settings of every test, quiet TensorFlow among them, and runs that are made once for all tests."""

import fcntl
import os
import shutil

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

pytest.register_assert_rewrite("kit")


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Returns a function that has a folder made by the first of all test processes to ask, and returns its path."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def once(name, make):
        folder, part = shared / f"once-{name}", shared / f"once-{name}-unfinished"
        with open(shared / f"once-{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                shutil.rmtree(part, ignore_errors=True)
                make(part)
                part.rename(folder)
        return folder

    return once


@pytest.fixture(scope="session")
def tiny_run(once):
    """The folder of a finished run of one epoch on the digits, with two latents and no figures; tests copy it."""

    def make(folder):
        from tfvae import cli

        words = ["--epochs", "1", "--latent-size", "2", "--figures-every", "0"]
        assert cli.main(["train", "--run-dir", str(folder), *words]) == 0

    return once("tiny-run", make)


@pytest.fixture(scope="session")
def untrained_run(once):
    """The folder of a run on the digits with two latents and a model that was not trained; tests copy it."""

    def make(folder):
        from kit.untrained import untrained

        untrained(folder, latent_size=2)

    return once("untrained-run", make)


@pytest.fixture(scope="session")
def tiny_game(once):
    """The folder of a finished run of two epochs of a game on the ring, its figures drawn twice; tests copy it."""

    def make(folder):
        from tfvae import cli

        words = ["--preset", "gan", "--dataset", "ring", "--epochs", "2", "--batch-size", "500"]
        assert cli.main(["train", "--run-dir", str(folder), *words, "--figures-every", "1"]) == 0

    return once("tiny-game", make)


@pytest.fixture
def refused(capsys):
    """Returns a function that runs a command line, checks that it was refused in one line, and returns the line."""
    from kit.refusals import one_line

    from tfvae import cli

    def refused(*words):
        capsys.readouterr()
        assert cli.main([str(word) for word in words]) == 2
        output, errors = capsys.readouterr()
        assert output == ""
        return one_line(errors)

    return refused
