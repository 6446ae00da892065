"""Moment matching on codes as a run: both stages in one, resumed bit for bit in either, judged on pixels.

Written against these mutations: checkpoints without the autoencoder's optimiser; dropout that is the same in
every step of the first stage; a schedule of the generator's learning rate that runs over the autoencoder's epochs too.
"""

import keras
import numpy as np
import pytest
from kit.evaluations import last
from kit.interrupting import assert_same_after_a_stop
from kit.untrained import untrained

from tfvae import cli
from tfvae.training import loop
from tfvae.training.config import Config
from tfvae.training.data import DataSet, Split
from tfvae.training.evaluation import observation
from tfvae.training.runs import loading

TINY = {
    "preset": "gmmn-autoencoder",
    "dataset": "digits",
    "epochs": 2,
    "autoencoder_epochs": 1,
    "batch_size": 400,
    "autoencoder_learning_rate": 0.01,
    "checkpoint_seconds": 0.0,
}


@pytest.mark.slow
def test_stopped_in_either_stage_and_resumed_it_ends_with_the_same_bytes(train):
    keras.backend.clear_session()  # so that layers have the same names in the files
    reference = train("reference")
    model = loading.load_model(reference)
    assert [int(optimizer.iterations) for optimizer, _ in model.optimizers().values()] == [4, 4]
    rates = [float(optimizer.learning_rate) for optimizer, _ in model.optimizers().values()]
    np.testing.assert_allclose(rates, [1e-3, 1e-2])
    first, second = reference.read_history()
    assert first["loss"] > 10 > 2 > second["loss"] == second["discrepancy"]
    assert second["val_reconstruction_error"] == first["val_reconstruction_error"] > 0
    for step, says in ((2, "after epoch 0 of 2 and 2 steps"), (5, "after epoch 1 of 2 and 1 step of")):
        assert_same_after_a_stop(train, reference, step, says)


def test_each_stage_has_its_own_schedule_and_dropout():
    x = np.random.default_rng(0).uniform(size=(8, 4, 4, 1)).astype(np.float32)
    part = Split(x)
    config = Config.resolve(
        {
            "preset": "gmmn-autoencoder",
            "autoencoder_learning_rate": 1e-12,
            "epochs": 10,
            "autoencoder_epochs": 4,
            "batch_size": 4,
            "schedule": "cosine",
        }
    )
    model = loop.build(config, DataSet("points", part, part, part))
    spans = [optimizer._learning_rate.decay_steps for optimizer, _ in model.optimizers().values()]
    assert spans == [6 * 2, 4 * 2] and model.autoencoder_steps == 4 * 2
    losses = []  # which dropout alone changes, at such a learning rate
    for _ in range(3):
        losses.append(float(model.train_on_batch(x, return_dict=True)["loss"]))
        model.reset_metrics()
    assert len(set(losses)) == 3


@pytest.mark.slow
def test_it_is_sampled_and_evaluated_on_pixels(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(observation, "EXAMPLES", 12)
    monkeypatch.setattr(observation, "SETTINGS", {"num_temperatures": 5, "num_chains": 2, "seed": 0})
    run = untrained(tmp_path / "run", preset="gmmn-autoencoder", dataset="digits")
    out = tmp_path / "samples.npy"
    assert cli.main(["sample", str(run.path), "-n", "5", "--out", str(out)]) == 0
    samples = np.load(out)
    assert samples.shape == (5, 8, 8, 1) and 0 <= samples.min() < samples.max() <= 1
    few = ["--limit", "4", "--num-temperatures", "5", "--chains", "2", "--simulated", "0"]
    assert cli.main(["evaluate", str(run.path), *few]) == 0
    found = last(run)
    assert found["method"] == "ais" and found["scale_examples"] == 12
    assert -found["nll"] < found["ceiling"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--epochs", "5", "--autoencoder-epochs", "5"], "no epoch is left to train the generator of codes"),
        (["--epochs", "1"], "expected --epochs of more than --autoencoder-epochs 1; received 1"),
        (["--epochs", "9", "--schedule-epochs", "2"], "expected --schedule-epochs of more than"),
        (["--autoencoder-epochs", "0"], "autoencoder_epochs is not a positive integer"),
        (["--dataset", "ring"], "do not fit preset gmmn-autoencoder"),
        (["--preset", "gmmn", "--autoencoder-epochs", "5"], "preset gmmn has no autoencoder epochs"),
    ],
)
def test_bad_input_is_one_line_and_no_run(words, says, tmp_path, capsys):
    start = ["train", "--run-dir", str(tmp_path / "run"), "--preset", "gmmn-autoencoder"]
    assert cli.main([*start, *words]) == 2
    line = capsys.readouterr().err
    assert says in line and line.count("\n") == 1 and not (tmp_path / "run").exists()
