"""A run on a table, from file to report: columns and units go with it, and samples come back in them.

Written against these mutations: samples left in the units of the model, the mean of the likelihood in their
place, categories written as numbers, labels without their names.
"""

import csv
import json

import numpy as np
import pytest

from tfvae import cli, plotting
from tfvae.checks import UserError
from tfvae.training.runs import loading, table_figures, units
from tfvae.training.runs.directory import RunDirectory

SIZE = 160


def write(path):
    rng = np.random.default_rng(0)
    age = rng.normal(40.0, 10.0, SIZE)
    size = 1000.0 + 5.0 * age + rng.normal(0.0, 5.0, SIZE)
    rows = zip(age, np.where(age > 40, "old red", "blue"), size, np.where(age > 45, "yes", "no"), strict=True)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "colour", "size", "ill"])
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    words = ["--dataset", str(write(folder / "people.csv")), "--label-column", "ill", "--epochs", "60"]
    assert (
        cli.main(["train", *words, "--run-dir", str(folder / "run"), "--figures-every", "0", "--report"]) == 0
    )
    return RunDirectory(folder / "run")


@pytest.mark.slow
def test_from_file_to_report(run):
    config = run.config()
    assert (config.preset, config.standardize, config.label_column) == ("tabular", "columns", "ill")
    assert {path.name for path in run.figures.iterdir()} == {
        *("loss_curves.png", "latent_map.png", "marginals.png", "pairs.png")
    }
    columns = units.read(run)
    assert columns == loading.load_data(config).columns and columns.names == [
        "age",
        "colour=blue",
        "colour=old red",
        "size",
    ]
    page = run.report_file.read_text()
    assert "A panel for each column of the table" in page and "A matrix of pairs of columns" in page
    assert "each column of numbers has mean 0" in page


@pytest.mark.slow
def test_samples_have_the_units_and_names_of_the_file(run, tmp_path, capsys):
    out = tmp_path / "samples"
    for ending in (".csv", ".npy", ".png"):
        assert cli.main(["sample", str(run.path), "-n", "400", "--out", str(out.with_suffix(ending))]) == 0
    with open(out.with_suffix(".csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["age", "colour", "size"] and len(rows) == 400
    assert {row["colour"] for row in rows} == {"blue", "old red"}
    numbers = np.load(out.with_suffix(".npy"))
    assert numbers.shape == (400, 4) and set(np.unique(numbers[:, 1:3])) == {0.0, 1.0}
    for name, place, loc, scale in (("age", 0, 40.0, 10.0), ("size", 3, 1200.0, 50.0)):
        written = np.array([float(row[name]) for row in rows])
        np.testing.assert_allclose(written, numbers[:, place], rtol=1e-7)
        assert abs(written.mean() - loc) < 0.5 * scale and 0.6 * scale < written.std() < 1.4 * scale
    assert (numbers[:, 2] == [row["colour"] == "old red" for row in rows]).all()
    model = loading.load_model(run)
    np.testing.assert_allclose(
        units.read(run).numbers(np.asarray(model.sample(400, seed=0, mean=False))), numbers, rtol=1e-6
    )
    assert cli.main(["sample", str(run.path), "-n", "5"]) == 0
    assert (run.figures / "samples-0.csv").is_file()
    assert cli.main(["sample", str(run.path), "--out", "samples.txt"]) == 2
    assert "expected FILE.csv or FILE.npy or FILE.png" in capsys.readouterr().err


@pytest.mark.slow
def test_labels_have_names_in_figures(run, monkeypatch):
    seen = {}
    monkeypatch.setattr(plotting, "save_latent_map", lambda *_, **options: seen.update(options))
    from tfvae.training.runs import figures

    loaded = loading.load_data(run.config())
    figures.draw_run(run, loading.load_model(run), loaded, run.config(), run.read_history())
    assert seen["label_names"] == ("no", "yes")


@pytest.mark.slow
def test_damaged_columns_are_refused_in_one_line(run, tmp_path):
    content = (run.path / units.NAME).read_text()
    try:
        for damaged in ("", "[]", "{}", json.dumps({"columns": [{}], "standardized": True})):
            (run.path / units.NAME).write_text(damaged)
            with pytest.raises(UserError, match=r"columns\.json is damaged") as caught:
                units.read(run)
            assert "\n" not in str(caught.value)
    finally:
        (run.path / units.NAME).write_text(content)
    assert units.read(RunDirectory(tmp_path)) is None


def test_few_columns_have_no_pairs(tmp_path):
    from tfvae.training.data import Column, Columns

    class Model:
        def sample(self, count, seed, mean):
            return np.zeros((count, 2))

    table_figures.draw(tmp_path, Model(), Columns((Column("a", ("x", "y")),)), np.eye(2), "now")
    assert [path.name for path in tmp_path.iterdir()] == ["marginals.png"]
