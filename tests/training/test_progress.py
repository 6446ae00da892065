"""What a training tells: its first lines, the loss from the first step on, and the time that it still takes.

Written against these mutations: lines by share of the steps in place of time; a gap that grows for ever;
compiling counted as a step; the pause of the first epoch counted where there are others; validation left out.
"""

import functools
import io
import threading
from types import SimpleNamespace

import pytest

from tfvae import cli
from tfvae.cli import bar, evaluate
from tfvae.training import data, introduction, progress
from tfvae.training.config import Config


@pytest.fixture
def clock(monkeypatch):
    """The time in seconds, which a test sets."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_lines_come_by_time(clock):
    """Of 1000 steps of 1 s each: at 0, 2, 4, 8, 16, 32 s, then every 30 s, and the last one."""
    stream = io.StringIO()
    shown = progress.Progress(1000, "example", stream)
    for done in range(1, 1001):
        shown.update(done, lambda: "so far so good")
        clock[0] += 1.0
    lines = stream.getvalue().splitlines()
    numbers = [int(line.split()[1].partition("/")[0].replace(",", "")) for line in lines]
    assert numbers[:8] == [1, 3, 5, 9, 17, 33, 63, 93] and numbers[-1] == 1000
    assert lines[1] == "example 3/1,000, 16:37 left  so far so good"
    assert lines[-1] == "example 1,000/1,000  so far so good"


def test_words_are_made_where_they_are_shown(clock):
    asked = []
    shown = progress.Progress(1000, "step", io.StringIO())
    for done in range(1, 900):
        shown.update(done, lambda: asked.append("once") or "")
    assert asked == ["once"]


def train(epochs, steps, clock, validation, compiling=5.0, **options):
    """The lines of a training whose steps take 1 s, and the seconds left that it told after each step."""
    stream = io.StringIO()
    shown = progress.EpochProgress(epochs, steps, stream=stream, **options)
    clock[0] += compiling
    left = {}
    for done in range(1, epochs * steps + 1):
        clock[0] += 1.0
        shown.step(done, lambda: "w")
        left[done] = shown._left.seconds(done)
        if done % steps == 0:
            clock[0] += validation + compiling * (done == steps)
            shown.epoch(done, "e", done == epochs * steps)
    return stream.getvalue().splitlines(), left


def test_what_is_left_counts_validation_but_compiling_once(clock):
    _, left = train(4, 10, clock, validation=3.0)
    assert left[1] is None
    # within the first epoch validation is taken for compiling and a third of the steps of each of four epochs
    assert left[2] == pytest.approx(38 + 6 + 4 * 10 / 3)
    assert left[21] == pytest.approx(19 + 2 * 3.0)
    assert left[40] == pytest.approx(3.0)


def test_an_epoch_is_named(clock):
    lines, _ = train(3, 10, clock, validation=2.0)
    assert lines[0] == "epoch 1/3, step 1/10  w"
    assert lines[-1] == "epoch 3/3, step 10/10  e"
    assert not any("epoch 2/3, step 10/10" in line for line in lines)
    verbose, _ = train(3, 10, clock, validation=2.0, every_epoch=True)
    assert [line for line in verbose if line.endswith("  e")] == [
        f"epoch {n}/3, step 10/10  e" for n in (1, 2, 3)
    ]


TINY = ["--epochs", "2", "--latent-size", "2", "--figures-every", "0"]


@pytest.mark.slow
def test_the_first_lines_and_how_much_is_said(tmp_path, capsys):
    assert cli.main(["train", "--run-dir", str(tmp_path / "run"), *TINY, "--verbose"]) == 0
    output, errors = capsys.readouterr()
    of_data, model, training, device, run, first, *others = errors.splitlines()
    assert of_data.startswith(
        "data       digits: 1,294 train, 144 validation, 359 test images 8 x 8 x 1, 0 to 1, binarised"
    )
    assert (
        "VAE (preset digits): q(z|x) DiagonalNormal(2); p(z) StandardNormal(2); p(x|z) Bernoulli(8, 8, 1)"
        in model
    )
    assert "elbo, K = 1; cosine learning rate 0.002; 2 epochs of 13 steps of 100 examples" in training
    assert device.startswith("device     CPU") and run == f"run        {tmp_path / 'run'}"
    assert first.startswith("epoch 1/2, step 1/13  bound -")
    assert sum("step 13/13" in line for line in others) == 2
    assert (
        output.splitlines()[-1] == f"next: tfvae evaluate {tmp_path / 'run'} --limit 100 --num-samples 1000"
    )
    words = [*TINY, "--epochs", "3", "--resume", "--run-dir", str(tmp_path / "run")]
    assert cli.main(["train", *words, "--quiet"]) == 0
    output, errors = capsys.readouterr()
    assert errors == "" and "trained in" in output


@pytest.mark.slow
def test_early_stopping_says_so(tmp_path, capsys, monkeypatch):
    from tfvae.training.runs import resumption

    monkeypatch.setattr(resumption, "stopped", lambda rows, patience: len(rows) >= 2)
    words = ["--epochs", "9", "--patience", "1", "--latent-size", "2", "--figures-every", "0"]
    assert cli.main(["train", "--run-dir", str(tmp_path / "run"), *words]) == 0
    errors = capsys.readouterr().err
    assert "stopped early, after epoch 2 of 9: the validation bound was not better for 1 epoch" in errors
    assert "epoch 2/9, step 13/13" in errors and "epoch 9/9" not in errors


def test_quiet_and_verbose_exclude_each_other(capsys):
    assert cli.main(["train", "--quiet", "--verbose"]) == 2
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_line_about_data_that_are_vectors():
    line = introduction.of_data(data.load("ring"), Config.resolve({"preset": "ring"}))
    assert "test vectors of 2, " in line and "binarised" not in line


def test_a_phase_is_named_and_goes_on_telling(monkeypatch):
    monkeypatch.setattr(progress, "MOST", 0.01)
    stream, told_twice = io.StringIO(), threading.Event()
    write = stream.write

    def counted(text):
        write(text)
        if stream.getvalue().count("so far") >= 2:
            told_twice.set()

    monkeypatch.setattr(stream, "write", counted)
    with progress.Phase("codes", stream):
        assert told_twice.wait(10)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "codes" and lines[1] == "codes, 0:00 so far"


def test_an_evaluation_that_takes_long_says_so_and_what_takes_less(monkeypatch, capsys):
    """Blocks of 16 of 10,000 examples: 20 s with compiling, then 46 s each, 8 h in all."""
    now = iter([0.0, 20.0, 66.0, 112.0])
    monkeypatch.setattr(bar.time, "monotonic", lambda: next(now))
    monkeypatch.setattr(progress.Progress, "update", lambda *_: None)
    options = SimpleNamespace(num_samples=5000, reached=None)
    shown = bar.Bar("importance sampling: example", options, functools.partial(evaluate._cheaper, options))
    for done in (0, 16, 32, 48):
        shown(done, 10_000)
    line = "10,000 examples x K = 5,000: about 8 h; --limit 500 --num-samples 1000: 5 min\n"
    assert capsys.readouterr().err == line
    assert options.reached == "importance sampling: example 48 of 10000"
    assert evaluate._cheaper(options, "importance sampling: example", 10_000, 30.0) is None
    line = evaluate._cheaper(options, "annealed chains: example", 10_000, 36_000.0)
    assert line.startswith("10,000 annealed examples: about 10") and "; --limit 20: " in line
    assert "--limit" not in evaluate._cheaper(options, "annealed chains: example", 20, 36_000.0)
    assert evaluate._cheaper(options, "gap: best q of example", 10_000, 3e9) is None
