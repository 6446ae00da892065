"""Figures call binarised images so, and classes by their names.

Written against these mutations: the word left out, or told of images that keep their grey; class numbers
in the legend, beside conditional samples, in the title of an attribute or at the sliders.
"""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from kit.untrained import untrained
from matplotlib.figure import Figure

from tfvae import cli, export, plotting
from tfvae.plotting import latent_map
from tfvae.training.runs import figures, loading
from tfvae.training.runs.directory import RunDirectory

NAMES = ("cat", "dog", "eel")


@pytest.fixture(scope="module")
def named_run(tmp_path_factory):
    """The folder of a run on digits with names in the place of numbers, whose model was not trained."""
    from sklearn.datasets import load_digits

    digits, folder = load_digits(n_class=3), tmp_path_factory.mktemp("named")
    x, y = (digits.images / 16).astype(np.float32), digits.target
    path = str(folder / "digits.npz")
    np.savez(path, x_train=x[:400], x_test=x[400:], y_train=y[:400], y_test=y[400:], label_names=NAMES)
    untrained(folder / "run", latent_size=3, dataset=path)
    return folder / "run"


@pytest.mark.slow
@pytest.mark.parametrize(("binarize", "word"), [("dynamic", "binarised original"), ("none", "original")])
def test_rows_of_binarised_images_say_so(untrained_run, binarize, word, monkeypatch, tmp_path):
    shutil.copytree(untrained_run, tmp_path / "run")
    run, seen = RunDirectory(tmp_path / "run"), {}
    run.make_folders()
    for name in dir(plotting):
        if name.startswith("save_"):
            monkeypatch.setattr(plotting, name, lambda *_, **options: None)
    monkeypatch.setattr(plotting, "save_reconstructions", lambda *_, **options: seen.update(options))
    config = SimpleNamespace(**run.config().to_json() | {"binarize": binarize})
    loaded = loading.load_data(run.config())
    figures.draw_run(run, loading.load_model(run), loaded, config, [])
    assert seen["rows"] == (word, "reconstruction")


def test_rows_have_the_words_that_are_given(monkeypatch, tmp_path):
    from tfvae.plotting import images

    kept: list[Figure] = []
    monkeypatch.setattr(images, "save", lambda figure, path: kept.append(figure))
    x = np.zeros((4, 8, 8, 1))
    plotting.save_reconstructions(tmp_path / "a.png", x, x, title="t", rows=("binarised original", "mean"))
    assert [text.get_text() for text in kept[0].axes[0].get_yticklabels()] == ["binarised original", "mean"]


def test_the_legend_has_names(monkeypatch, tmp_path):
    kept: list[Figure] = []
    monkeypatch.setattr(latent_map, "save", lambda figure, path: kept.append(figure))
    codes, labels = np.arange(12.0).reshape(6, 2), [2, 0, 0, 2, 2, 0]
    plotting.save_latent_map(tmp_path / "a.png", codes, labels, title="t", label_names=NAMES)
    assert [text.get_text() for text in kept[0].legends[0].get_texts()] == ["cat", "eel"]


def test_conditions_have_names():
    model = SimpleNamespace(visible=None, event_shape=(8, 8, 1))
    rows = figures.condition_column(model, np.eye(3)[[2, 0]], NAMES)[1]["rows"]
    assert rows == ["eel", "cat"]


@pytest.mark.slow
def test_attributes_and_sliders_have_names(named_run, monkeypatch, tmp_path):
    seen = {}
    monkeypatch.setattr(
        plotting, "save_rows", lambda *arguments, title: seen.update(rows=arguments[2], title=title)
    )
    run = str(named_run)
    assert cli.main(["latent", run, "attribute", "--label", "1", "--out", str(tmp_path / "a.png")]) == 0
    assert 'the "dog" component' in seen["title"] and seen["rows"][0] == "binarised example"
    monkeypatch.setattr(export, "save_web", lambda model, path, **given: seen.update(given) or path)
    assert cli.main(["export", run, "--format", "web", "--out", str(tmp_path / "page")]) == 0
    assert set(seen["labels"]) == set(NAMES) and len(seen["labels"]) == len(seen["images"])
