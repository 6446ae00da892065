"""`tfvae evaluate --full`, from the command line to the page, for each kind of model.

Mutations, each seen to break a test here: pictures that are not drawn anew where they are missing, a histogram whose
last edge is below K.
"""

import base64
import functools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from kit import browser
from kit.evaluations import last
from kit.marks import tiers

from tfvae import cli
from tfvae.training import report
from tfvae.training.evaluation import gap, likelihood
from tfvae.training.runs import loading
from tfvae.training.runs.directory import RunDirectory

TINY = ["--epochs", "2", "--batch-size", "20", "--figures-every", "0"]
FULL = ["--full", "--num-samples", "20", "--limit", "40"]


def test_the_histogram_counts_every_example_once():
    sizes = np.array([1.0, 5.0, 10.0, 10.1, 99.0, 500.0, 500.0001])
    counted = likelihood.histogram(sizes, 500)
    assert len(counted["edges"]) == len(counted["counts"]) + 1 and sum(counted["counts"]) == 7
    assert counted["edges"][0] == 1.0 and counted["edges"][-1] == 500.0 and 10.0 in counted["edges"]
    assert np.allclose(np.diff(np.log10(counted["edges"][:-1])), 1 / 8)
    below = sum(c for c, edge in zip(counted["counts"], counted["edges"][1:], strict=True) if edge <= 10.0)
    assert below == 2
    for particles in (1, 2, 7, 10, 1000):
        counted = likelihood.histogram(np.array([1.0, float(particles)]), particles)
        assert sum(counted["counts"]) == 2 and (np.diff(counted["edges"]) > 0).all()
        assert counted["edges"][-1] == max(particles, 2)


def train(folder, *words):
    assert cli.main(["train", "--run-dir", str(folder), *TINY, *map(str, words)]) == 0
    return RunDirectory(folder)


def npz(folder, side=8, labels=True, count=60):
    random = np.random.default_rng(0)
    arrays = {
        "x_train": random.random((count, side, side)).round(),
        "x_test": random.random((40, side, side)),
    }
    arrays = {name: values.astype(np.float32) for name, values in arrays.items()}
    if labels:
        arrays |= {"y_train": np.arange(count) % 3, "y_test": np.arange(40) % 3}
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def headings(text):
    return re.findall("<h2>(.*?)</h2>", text)


def absent(text):
    return re.findall("<li><strong>(.*?):</strong>", text.partition("What is not here</h2>")[2])


GAP, RATE, CODES = "What the bound loses: the inference gap", "Rate and distortion", "What the codes know"
LATENT = {GAP, RATE, CODES, "Reconstructions", "The latent map", "Active units"}
KINDS = {  # name: (command line, side of the images or None for the preset's data, labels, what is left out)
    "vae": (["--preset", "digits", "--latent-size", "2"], 8, True, set()),
    "grey": (["--preset", "digits", "--likelihood", "normal", "--prior", "vamp"], 8, False, {CODES}),
    "draw": (["--preset", "draw", "--latent-size", "3"], 8, True, {GAP}),
    "cvae": (["--preset", "cvae-column", "--latent-size", "2"], 8, True, set()),
    "regressor": (["--preset", "regressor-column"], 8, True, LATENT),
    "ring": (["--preset", "ring", "--batch-size", "500"], None, False, {CODES}),
    "belief network": (["--preset", "sbn-200-200-200"], 28, True, {GAP}),
}


@pytest.fixture(autouse=True)
def short_search(monkeypatch):
    """The best q for each example is looked for in four steps, and few train the classifier of features."""
    short = functools.partial(gap.GapSettings, steps=4)
    monkeypatch.setattr(gap, "GapSettings", lambda **given: short(**given))
    monkeypatch.setattr("tfvae.evaluation.features.STEPS", 20)


@pytest.mark.parametrize("kind", tiers(KINDS, fast=(), kept=KINDS.keys() - {"draw"}))
def test_a_report_of_each_kind_of_model(kind, tmp_path, capsys):
    words, side, labels, without = KINDS[kind]
    if side is not None:
        words = [*words, "--dataset", npz(tmp_path, side, labels)]
    run = train(tmp_path / "<a run> & more", *words)
    capsys.readouterr()
    assert cli.main(["evaluate", str(run.path), *FULL]) == 0
    assert str(run.report_file) in capsys.readouterr().out
    text = run.report_file.read_text("utf-8")
    assert set(absent(text)) == without
    assert "&lt;a run&gt; &amp; more" in text and "<a run>" not in text
    result = json.loads(run.evaluation_file.read_text())
    assert f"{result['nll']:.1f}"[:-1].lstrip("-") in text
    for content in re.findall('src="data:image/png;base64,(.*?)"', text):
        assert base64.b64decode(content).startswith(b"\x89PNG")
    if browser.HERE:
        seen = browser.drive(
            Path(__file__).with_name("open.mjs"), run.report_file.resolve().as_uri(), "1100", "360"
        )
        assert seen["errors"] == [] and len(seen["requests"]) == 2 and seen["bold"] == 0
        assert seen["images"] and all(image["width"] > 100 and image["alt"] for image in seen["images"])
        assert seen["widths"] == {"1100": 1100, "360": 360}


@pytest.mark.slow
def test_a_report_can_be_made_again(tmp_path):
    run = train(tmp_path / "run", "--preset", "digits", "--latent-size", "2", "--dataset", npz(tmp_path))
    assert cli.main(["evaluate", str(run.path), *FULL]) == 0
    first, result = run.report_file.read_bytes(), run.read_evaluation()
    for picture in run.figures.iterdir():
        picture.unlink()
    run.figures.rmdir()
    model = loading.load_model(run)
    assert report.write(run, model, loading.load_data(run.config()), result) == run.report_file
    assert run.report_file.read_bytes() == first
    assert {"latent_map.png", "manifold.png"} <= {picture.name for picture in run.figures.iterdir()}
    assert cli.main(["info", str(run.path)]) == 0
    run.history_file.unlink()
    (run.figures / "loss_curves.png").unlink()
    report.write(run, model, loading.load_data(run.config()), result)
    assert absent(run.report_file.read_text()) == ["How training went"]
    assert cli.main(["evaluate", str(run.path), "--num-samples", "5", "--limit", "5"]) == 0
    assert run.report_file.exists() and "precision" not in last(run)
    assert run.read_evaluation() == result
    assert not [path for path in run.path.rglob("*") if path.name.startswith(".")]


@pytest.mark.slow
def test_data_that_differ_from_those_trained_on_are_refused_in_one_line(tmp_path, capsys):
    file = tmp_path / "data.npz"
    grey = np.random.default_rng(1).integers(0, 256, (60, 8, 8), np.uint8)
    black_and_white = (grey > 127).astype(np.float32)
    np.savez(file, x_train=black_and_white, x_test=black_and_white[:40])
    run = train(tmp_path / "run", "--dataset", file, "--likelihood", "categorical", "--latent-size", "2")
    wide, high = grey.repeat(2, axis=2), np.where(grey > 250, 999.0, grey)
    content = json.loads(run.config_file.read_text())
    for fingerprint in (content["data_sha256"], ""):  # earlier versions took none
        run.config_file.write_text(json.dumps(content | {"data_sha256": fingerprint}))
        for arrays, told in ((grey, "support|levels"), (wide, "do not fit preset"), (high, "out of range")):
            np.savez(file, x_train=arrays, x_test=arrays[:40])
            capsys.readouterr()
            assert cli.main(["evaluate", str(run.path), "--full"]) == 2
            output, errors = capsys.readouterr()
            assert output == "" and errors.count("\n") == 1 and errors.startswith("tfvae: ")
            assert re.search(f"{told}|has changed since" if fingerprint else told, errors), errors
    assert not run.report_file.exists() and not run.evaluation_file.exists()
