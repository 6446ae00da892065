"""`tfvae encode`, `score` and `reconstruct`: what the Python functions give, and one line for files that do not fit.

Mutations, each seen to break a test here: grey values that are not binarised; integers up to 255 taken as they are;
integers of a dark image taken for numbers in [0, 1]; validation examples scored with the noise of the new ones; the
seed ignored.
"""

import csv
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from kit.untrained import untrained
from matplotlib import image as png

import tfvae
from tfvae import cli, evaluation
from tfvae.checks import UserError
from tfvae.training import data
from tfvae.training.config import Config
from tfvae.training.runs import loading, new_data, units
from tfvae.training.runs.directory import RunDirectory
from tfvae.training.runs.examples import examples_of


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory):
    return RunDirectory(shutil.copytree(tiny_run, tmp_path_factory.mktemp("runs") / "digits"))


@pytest.fixture(scope="module")
def model(run):
    return loading.load_model(run)


@pytest.fixture(scope="module")
def grey():
    return data.load("digits").test.images[:40]


@pytest.fixture(autouse=True)
def present_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def command(*words):
    assert cli.main([str(word) for word in words]) == 0


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_codes_are_those_of_the_function(run, model, grey, capsys):
    np.savez("new.npz", x=grey)
    command("encode", run.path, "new.npz")
    output = capsys.readouterr().out
    assert output.splitlines()[-1] == "new-codes.npz" and "40 examples, exact: mean [40, 2]" in output
    found = np.load("new-codes.npz")
    x = data.binarize_once(grey, "dynamic", 0, "test")
    q = model.posterior(x)
    np.testing.assert_allclose(found["mean"], q.mean(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["scale"], q.stddev(), rtol=1e-4)


def test_the_test_examples_in_a_file_are_those_of_an_evaluation(run, model, capsys):
    loaded = data.load("digits")
    np.save("test.npy", loaded.test.images[..., 0])
    command("score", run.path, "test.npy", "--num-samples", "30", "--seed", "3", "--out", "s.csv")
    rows = table("s.csv")
    examples = examples_of(loaded, run.config(), "test")
    expected = evaluation.log_marginal(model, examples, num_samples=30, seed=3)
    assert list(rows[0]) == ["row", "log_prob", "standard_error", "pareto_k"]
    assert [int(row["row"]) for row in rows] == list(range(359))
    for name in ("log_prob", "standard_error", "pareto_k"):
        np.testing.assert_allclose([float(row[name]) for row in rows], getattr(expected, name), rtol=1e-9)
    assert (
        f"mean log p(x) {-expected.nll:.2f} +- {expected.nll_standard_error:.2f} nats"
        in capsys.readouterr().out
    )


def test_anomalies_by_the_validation_examples(run, model, grey, capsys):
    odd = 1.0 - grey[:5]
    np.savez("new.npz", x=np.concatenate([grey, odd]))
    command("score", run.path, "new.npz", "--num-samples", "30", "--false-alarms", "0.05")
    rows = table("new-scores.csv")
    usual = examples_of(data.load("digits"), run.config(), "validation")
    known = evaluation.log_marginal(model, usual, num_samples=30, seed=-1).log_prob
    expected = evaluation.find_anomalies([float(row["log_prob"]) for row in rows], known, 0.05)
    assert [row["anomalous"] == "true" for row in rows] == expected.anomalous.tolist()
    np.testing.assert_allclose([float(row["p_value"]) for row in rows], expected.p_values)
    np.testing.assert_allclose([float(row["anomaly_score"]) for row in rows], expected.scores)
    assert expected.anomalous[-5:].all() and not expected.anomalous[:-5].all()
    said = capsys.readouterr().out
    assert f"{expected.anomalous.sum()} anomalous: score above {expected.threshold:.2f} nats" in said
    assert "5.00% false alarms by 144 validation examples" in said


def test_few_particles_have_no_tail(run, grey):
    np.save("new.npy", grey[:2])
    command("score", run.path, "new.npy", "--num-samples", "2")
    assert [row["pareto_k"] for row in table("new-scores.csv")] == ["", ""]


def test_reconstructions_and_their_picture(run, model, grey, capsys):
    np.savez("new.npz", x_test=grey, x_train=grey[:1])
    command("reconstruct", run.path, "new.npz", "--out", "r.npz")
    assert capsys.readouterr().out.splitlines()[-2:] == ["r.npz", "r.png"]
    found = np.load("r.npz")
    np.testing.assert_array_equal(found["x"], data.binarize_once(grey, "dynamic", 0, "test"))
    np.testing.assert_allclose(found["reconstruction"], model.reconstruct(found["x"]), atol=1e-5)
    pixels = png.imread("r.png")[..., :3]
    assert pixels.std() > 0.05 and min(pixels.shape[:2]) > 100


def test_integers_have_the_scale_of_the_run(tmp_path):
    """A dark image of a run on bytes stays dark, a black and white one of a run on 0 and 1 is not dimmed."""
    byte = np.random.default_rng(0).integers(0, 256, [20, 28, 28], np.uint8)
    settings = {"preset": "tutorial-400-20", "likelihood": "normal", "binarize": "none", "batch_size": 5}
    for name, images, scale in (("byte", byte, 255), ("binary", byte // 128, 1)):
        np.savez(f"{name}.npz", x_train=images, x_test=images)
        run = untrained(tmp_path / name, dataset=str(tmp_path / f"{name}.npz"), **settings)
        config, model = run.config(), loading.load_model(run)
        np.save("dark.npy", byte // 128)
        dark = new_data.read("dark.npy", config).examples(run, model).x[..., 0]
        np.testing.assert_allclose(dark, (byte // 128) / np.float32(scale))
        for other in (byte, byte.astype(np.float64), byte / 255):
            np.save("bright.npy", other)
            bright = new_data.read("bright.npy", config).examples(run, model).x[..., 0]
            np.testing.assert_allclose(bright, byte / 255, atol=1e-7)


BAD = {
    "no file": (None, "there is no file"),
    "other shape": (np.zeros((3, 8, 9)), "do not fit the run; expected [N, 8, 8, 1]; received [3, 8, 9, 1]"),
    "vectors": (np.zeros((8, 8)), "expected [N, 8, 8, 1]; received [8, 8]"),
    "no axis": (np.zeros(()), "wrong rank"),
    "none": (np.zeros((0, 8, 8)), "is empty"),
    "too bright": (np.full((3, 8, 8), 256.0), "pixels of new.npy are out of range"),
    "between scales": (np.full((3, 8, 8), 1.5), "pixels of new.npy are out of range"),
    "negative": (np.full((3, 8, 8), -1), "pixels of new.npy are out of range"),
    "nan": (np.full((3, 8, 8), np.nan), "has 192 values that are NaN or infinite"),
    "text": (np.full((3, 8, 8), "a"), "does not hold numbers"),
    "objects": (np.full((3, 8, 8), None), "new.npy is an array of Python objects"),
}


@pytest.mark.parametrize("case", BAD)
def test_files_that_do_not_fit(case, run, refused, tmp_path):
    array, told = BAD[case]
    if array is not None:
        np.save("new.npy", array)
    assert told in refused("encode", run.path, "new.npy")
    assert not (tmp_path / "new-codes.npz").exists()


def test_damaged_and_foreign_files(run, refused, tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK nothing")
    assert "a.npz cannot be read as .npz" in refused("score", run.path, "a.npz")
    np.save("whole.npy", np.zeros((9, 8, 8)))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "whole.npy").read_bytes()[:500])
    assert "cut.npy cannot be read as .npy" in refused("score", run.path, "cut.npy")
    np.savez("b.npz", images=np.zeros((3, 8, 8)))
    assert "no array of examples; expected x or x_test; received images" in refused(
        "score", run.path, "b.npz"
    )
    assert "unknown data set" in refused("score", run.path, "a.png")
    (tmp_path / "d.npy").mkdir()
    assert "Is a directory" in refused("score", run.path, "d.npy")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["encode", "--draws", "1"], "--draws"),
        (["encode", "--out", "x.csv"], "expected OUT.npz"),
        (["encode", "--out", "nowhere/x.npz"], "no directory nowhere"),
        (["score", "--num-samples", "0"], "--num-samples"),
        (["score", "--false-alarms", "0"], "--false-alarms is out of range"),
        (["score", "--false-alarms", "0.7"], "(0, 0.5]"),
        (["score", "--false-alarms", "0.001"], "144 usual examples are too few"),
        (["score", "--seed", "9999999999"], "--seed"),
        (["reconstruct", "--out", "x.png"], "expected OUT.npz"),
    ],
    ids=" ".join,
)
def test_options_out_of_range(words, told, run, refused, grey, tmp_path):
    np.save("new.npy", grey)
    assert told in refused(words[0], run.path, "new.npy", *words[1:])
    assert {path.name for path in tmp_path.iterdir()} == {"new.npy"}


def test_a_generator_has_no_encoder(refused, tiny_game):
    np.save("new.npy", np.zeros((3, 2)))
    for name in ("encode", "score", "reconstruct"):
        assert "is a GAN, which has no encoder" in refused(name, tiny_game, "new.npy")


@pytest.mark.slow
def test_classes_and_arrays_are_conditions_of_new_examples(refused, tmp_path, grey):
    """A file without what the model is given, with classes that it does not know, and with the right ones."""
    labels = data.load("digits").test.labels[:40]
    run = untrained(tmp_path / "label", preset="digits", condition="label", latent_size=2)
    model = loading.load_model(run)
    np.savez("without.npz", x=grey)
    assert "has no labels, which the run's model is conditioned on" in refused(
        "score", run.path, "without.npz"
    )
    np.savez("other.npz", x=grey, y=labels + 1)
    assert "not the classes of the run; expected 0 to 9; received minimum 1" in refused(
        "score", run.path, "other.npz"
    )
    np.savez("short.npz", x=grey, y=labels[:3])
    assert "the labels of short.npz do not fit" in refused("score", run.path, "short.npz")
    assert isinstance(model, tfvae.CVAE)
    np.savez("new.npz", x=grey, y=labels)
    command("encode", run.path, "new.npz")
    x = data.binarize_once(grey, "dynamic", 0, "test")
    expected = model.encode(x, condition=np.eye(10, dtype=np.float32)[labels])
    np.testing.assert_allclose(np.load("new-codes.npz")["mean"], expected, rtol=1e-4, atol=1e-5)
    command("reconstruct", run.path, "new.npz")
    command("score", run.path, "new.npz", "--num-samples", "5")


def test_the_columns_of_a_table_are_found_by_their_names(tmp_path):
    """Vectors get the units of the run's training examples, whatever the order and the units of the new table."""
    rng = np.random.default_rng(0)
    rows = [
        f"{a:.6f},{'red' if b else 'blue'},{c:.6f}"
        for a, b, c in zip(rng.normal(5, 2, 60), rng.random(60) < 0.5, rng.normal(size=60), strict=True)
    ]
    (tmp_path / "train.csv").write_text("\n".join(["a,b,c", *rows]))
    settings = {
        "dataset": str(tmp_path / "train.csv"),
        "standardize": "columns",
        "batch_size": 5,
        "preset": "gan",
    }
    config = Config.resolve(settings)
    columns = data.load(settings["dataset"], standardize="columns").columns
    run = SimpleNamespace(config=lambda: config, path=tmp_path)
    units.write(run, columns)
    model = SimpleNamespace(event_shape=(4,))

    def examples(text):
        (tmp_path / "new.csv").write_text(text)
        return new_data.read(tmp_path / "new.csv", config).examples(run, model).x

    x = examples("c,a,d,b\n1,9,0,red\n2,7,0,blue\n")
    expected = columns.seen(np.array([[9, 0, 1, 1], [7, 1, 0, 2]]))
    np.testing.assert_allclose(x, expected, rtol=1e-6)
    for text, told in (
        ("c,b\n1,red\n2,blue\n", "no column a of numbers"),
        ("a,b,c\n1,1,1\n2,2,2\n", "no column b of categories"),
        ("a,b,c\n1,red,1\n2,green,2\n", "does not know; expected blue, red; received green"),
    ):
        with pytest.raises(UserError, match=told):
            examples(text)


@pytest.mark.slow
def test_samples_of_a_class_or_of_the_conditions_of_a_file(refused, tmp_path, run):
    labelled = untrained(tmp_path / "label", preset="digits", condition="label", latent_size=2)
    model = loading.load_model(labelled)

    def samples(*words):
        command("sample", labelled.path, "--out", "s.npy", *words)
        return np.load("s.npy")

    def given(classes, seed):
        one_hot = np.eye(10, dtype=np.float32)[classes]
        return np.asarray(model.sample(8, seed=seed, condition=one_hot)).swapaxes(0, 1).reshape(-1, 8, 8, 1)

    expected = given([7, 7], seed=3)
    np.testing.assert_allclose(
        samples("--condition", "7", "-n", "11", "--seed", "3"), expected[:11], atol=1e-5
    )
    np.save("classes.npy", np.array([1, 2]))
    expected = given([1, 2], seed=0)
    np.testing.assert_allclose(samples("--condition", "classes.npy", "-n", "16"), expected, atol=1e-5)
    command("sample", labelled.path, "--condition", "7", "--out", "s.png")
    assert png.imread("s.png")[..., :3].std() > 0.01
    for words, told in (
        (["--condition", "10"], "not the classes of the run; expected 0 to 9"),
        (["--condition", "9999999999999"], "not the classes of the run"),
        (["--condition", "seven"], "no such class; expected 0 to 9; received seven"),
        (["--condition", "no.npy"], "there is no file no.npy"),
        (["--condition", "classes.npy", "-n", "17"], "-n is too large for classes.npy; expected at most 16"),
    ):
        assert told in refused("sample", labelled.path, *words)
    assert "has no condition" in refused("sample", run.path, "--condition", "7")
