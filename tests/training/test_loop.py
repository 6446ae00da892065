"""The fit loop: its schedules, what it promises of a run, and where it stops one.

Mutations, each seen to break a test here: a schedule that is one step off, decays by another power or counts epochs
for steps; a KL warm-up in epochs where steps are due, or one step early; warm-up in the reported or the validation
bound; a loss that is looked at once an epoch; weights or a validation loss that are not looked at before a
checkpoint; patience counted from the first epoch, a tie that counts as better; the last weights kept where the best
are promised; a seed that does not reach the weights or the noise; float32 where float16 was asked for; replicas whose
last means are averaged for an epoch's figures, whose first batches have to be equal, or whose second strategy clashes
with the first.
"""

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfvae import presets
from tfvae.checks import UserError
from tfvae.training import loop
from tfvae.training.config import Config
from tfvae.training.evaluation.evaluate import Settings, evaluate
from tfvae.training.runs import checkpoint, loading
from tfvae.training.runs.directory import RunDirectory

TINY = {"latent_size": 2, "figures_every": 0, "checkpoint_seconds": 0.0, "schedule": "constant"}


def state(run):
    last = checkpoint.load(sorted(run.checkpoints.glob("*.ckpt"))[-1])
    return [(array.shape, array.tobytes()) for array in last.arrays]


def rates_from(step, rate):
    """A schedule that is 1e-3 at first and `rate` from the given step, counted from 1, on."""
    import keras

    class Rates(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, done):
            return keras.ops.where(keras.ops.cast(done, "int64") < step - 1, 1e-3, rate)

        def get_config(self):
            return {}

    return lambda *_: keras.saving.register_keras_serializable("tests")(Rates)()


# ---- schedules and weights of the KL divergence


def test_a_constant_rate_is_itself():
    from tfvae.training.schedules import learning_rate

    assert learning_rate("constant", 3e-4, 10, 7) == 3e-4


def test_the_cosine_rate_follows_its_formula():
    from tfvae.training.schedules import learning_rate

    rate = learning_rate("cosine", 2e-3, 10, 7)
    for step in (0, 1, 6, 7, 35, 69, 70, 100):
        expected = 2e-3 * (1 + math.cos(math.pi * min(step, 70) / 70)) / 2
        assert float(rate(step)) == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_burdas_rate_holds_for_powers_of_three():
    from tfvae.training.schedules import learning_rate

    steps, base = 4, 1e-3
    rate = learning_rate("burda", base, 3280, steps)
    expected = [i for i in range(8) for _ in range(3**i)]
    assert len(expected) == 3280
    edges = [0, 1093, 3279] + [
        (3**i - 1) // 2 + shift for i in range(8) for shift in (-1, 0) if i + shift >= 0
    ]
    for epoch in sorted(set(edges)):
        for step in (0, steps - 1):
            power = -expected[epoch] / 7
            assert float(rate(epoch * steps + step)) == pytest.approx(base * 10**power, rel=1e-6), (
                epoch,
                step,
            )
    assert float(rate(5000 * steps)) == pytest.approx(base / 10, rel=1e-6)


def test_the_kl_weight_grows_by_step_and_validation_reports_the_plain_bound(train):
    """With one batch an epoch, step t of the warm-up has weight t / 4."""
    rows = train(epochs=6, kl_warmup=4, batch_size=1294, learning_rate=0.02).read_history()
    for step, row in enumerate(rows):
        expected = row["distortion"] + min(step / 4, 1) * row["rate"]
        assert row["loss"] == pytest.approx(expected, rel=1e-5)
        assert row["rate"] > 0.05, "or the weights could not be told apart"
        assert row["bound"] == pytest.approx(-row["distortion"] - row["rate"], rel=1e-5)
        assert row["val_loss"] == -row["val_bound"]
        assert row["val_bound"] == pytest.approx(-row["val_distortion"] - row["val_rate"], rel=1e-5)


def test_a_kl_weight_is_of_the_training_loss_alone(train):
    (row,) = train(epochs=1, kl_weight=4.0, batch_size=1294).read_history()
    assert row["loss"] == pytest.approx(row["distortion"] + 4 * row["rate"], rel=1e-5) and row["rate"] > 0.05
    assert row["bound"] == pytest.approx(-row["distortion"] - row["rate"], rel=1e-5)
    assert row["val_loss"] == -row["val_bound"]


def test_warm_up_is_in_epochs_whatever_the_steps(train):
    config = Config.resolve(TINY | {"kl_warmup": 3})
    model = loop.build(config, loading.load_data(config))
    assert model.kl_warmup_steps == 3 * 13
    for step, weight in ((0, 0.0), (1, 1 / 39), (13, 1 / 3), (39, 1.0), (400, 1.0)):
        model.optimizer.iterations.assign(step)
        assert float(model.current_kl_weight()) == pytest.approx(weight, rel=1e-6)


def test_free_bits_hold_the_loss_up_and_leave_validation_alone(train):
    run = train(epochs=2, estimator="elbo-analytic", free_bits=50.0)
    for row in run.read_history():
        assert row["rate"] < 50, "or nothing was held up"
        assert row["loss"] == pytest.approx(row["distortion"] + 2 * 50.0, rel=1e-5)
        assert row["val_loss"] == pytest.approx(row["val_distortion"] + row["val_rate"], rel=1e-5)


# ---- data


def test_without_validation_everything_is_trained_on(train):
    run = train(epochs=1, validation_size=0, batch_size=719)
    config = run.config()
    assert len(loading.load_data(config).train) == 1438
    (row,) = run.read_history()
    assert not [name for name in row if name.startswith("val_")]
    iterations = [
        array for array in checkpoint.load_newest(run.checkpoints)[0].arrays if array.dtype == np.int64
    ]
    assert 2 in [int(array) for array in iterations if array.ndim == 0]


# ---- where a run stops


def test_a_loss_that_is_not_finite_stops_the_run_at_its_step(train, monkeypatch, tmp_path):
    monkeypatch.setattr("tfvae.training.schedules.learning_rate", lambda *_: 1e30)
    with pytest.raises(UserError) as caught:
        train(epochs=2)
    message = str(caught.value)
    assert "the loss is" in message and " at step 2: " in message and "\n" not in message
    assert "last finite metrics: bound -" in message and "last good checkpoint: none" in message
    assert list((tmp_path / "run" / "checkpoints").iterdir()) == []


@pytest.mark.slow
def test_where_a_dispatch_takes_several_steps_all_are_named(train, monkeypatch):
    monkeypatch.setattr(loop, "LEAST_DISPATCHES", 1)
    monkeypatch.setattr("tfvae.training.schedules.learning_rate", rates_from(20, 1e30))
    with pytest.raises(UserError, match="the loss is nan in steps 14 to 26: "):
        train(epochs=4)


@pytest.mark.slow
def test_the_last_good_checkpoint_is_named(train, monkeypatch, tmp_path):
    monkeypatch.setattr("tfvae.training.schedules.learning_rate", rates_from(30, 1e30))
    with pytest.raises(UserError) as caught:
        train(epochs=4)
    folder = RunDirectory(tmp_path / "run").checkpoints
    assert " at step 31: " in str(caught.value) and str(checkpoint.path_of(folder, 2)) in str(caught.value)
    newest, problems = checkpoint.load_newest(folder)
    assert newest.epoch == 2 and problems == []


@pytest.mark.parametrize(
    "rate, validation_size, what", [(1e30, None, "validation loss"), (math.inf, 0, "a weight is not finite")]
)
def test_weights_that_the_last_step_of_an_epoch_spoilt_reach_no_checkpoint(
    train, monkeypatch, tmp_path, rate, validation_size, what
):
    steps = 13 if validation_size is None else 15
    monkeypatch.setattr("tfvae.training.schedules.learning_rate", rates_from(2 * steps, rate))
    with pytest.raises(UserError, match=f"{what}.* at step {2 * steps}[:;]") as caught:
        train(epochs=3, validation_size=validation_size)
    folder = RunDirectory(tmp_path / "run").checkpoints
    assert [path.name for path in folder.iterdir()] == ["epoch-000001.ckpt"]
    assert "epoch-000001.ckpt" in str(caught.value)
    assert not (tmp_path / "run" / "model.keras").exists()


def test_training_stops_when_patience_runs_out_and_keeps_the_best_weights(train, monkeypatch):
    monkeypatch.setattr("tfvae.training.schedules.learning_rate", rates_from(27, -2e-3))
    run = train(epochs=9, patience=2)
    rows = run.read_history()
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert max(rows, key=lambda row: row["val_bound"])["epoch"] == 2
    best = checkpoint.load(checkpoint.path_of(run.checkpoints, 2)).arrays
    last = checkpoint.load(checkpoint.path_of(run.checkpoints, 4)).arrays
    weights = [variable.numpy() for variable in loading.load_model(run).weights]
    assert all(map(np.array_equal, weights, best))
    assert not any(np.array_equal(a, b) for a, b in zip(weights, last, strict=False))


def test_patience_counts_from_the_best_epoch_and_a_tie_is_not_better(tmp_path):
    from tfvae.training.callbacks import Recorder

    def stopped(patience, *bounds):
        rows = [{"epoch": i + 1, "val_bound": bound} for i, bound in enumerate(bounds)]
        options = {"epochs": 9, "steps": 1, "patience": patience, "checkpoint_seconds": 0}
        return Recorder(RunDirectory(tmp_path), rows, **options).stopped()

    assert not stopped(2, 1.0, 3.0, 2.0)
    assert stopped(2, 1.0, 3.0, 2.0, 2.5)
    assert stopped(2, 1.0, 3.0, 3.0, 3.0)
    assert not stopped(3, 1.0, 3.0, 2.0, 2.5)
    assert not stopped(0, 3.0, 2.0, 1.0, 0.0)
    assert not stopped(1)


# ---- what a run depends on


@pytest.mark.slow
def test_a_run_is_a_function_of_its_settings(train):
    first = train("first", epochs=2)
    second = train("second", epochs=2, checkpoint_seconds=1000.0)
    assert state(second) == state(first)
    assert len(list(second.checkpoints.iterdir())) == 1
    tables = [run.read_history() for run in (first, second)]
    for row in [*tables[0], *tables[1]]:
        assert row.pop("seconds") > 0
    assert tables[0] == tables[1]


@pytest.mark.slow
def test_figures_do_not_change_a_run(train, monkeypatch):
    from tfvae.training.runs import figures

    plain = train("plain", epochs=2)
    drawn = []

    def draw(run, model, loaded, config, history):
        examples = loaded.validation.images[:10].round()
        model.encode(examples)
        model.sample(4, seed=0)
        model.reconstruct(examples[:3])
        drawn.append(f"after epoch {len(history)}")

    monkeypatch.setattr(figures, "draw_run", draw)
    assert state(train("with figures", epochs=2, figures_every=1)) == state(plain)
    assert drawn == ["after epoch 1", "after epoch 2"]


@pytest.mark.slow
def test_the_seed_reaches_the_weights_the_noise_and_the_order(train):
    import keras

    config = Config.resolve(TINY | {"seed": 1})
    first, second = (
        loop.build(Config.resolve(TINY | {"seed": seed}), loading.load_data(config)) for seed in (0, 1)
    )
    differing = [
        not np.array_equal(a.numpy(), b.numpy())
        for a, b in zip(first.weights, second.weights, strict=True)
        if "kernel" in a.path
    ]
    assert all(differing) and len(differing) > 4
    assert (first.seed, second.seed) == (0, 1)
    assert keras.config.dtype_policy().name == "float32"
    runs = [train(str(seed), epochs=1, seed=seed) for seed in (0, 1)]
    assert state(runs[0]) != state(runs[1])


@pytest.mark.slow
def test_mixed_precision_stays_finite_and_near_float32(train):
    import keras

    try:
        half = train("half", epochs=10, mixed_precision="float16").read_history()
    finally:
        keras.config.set_dtype_policy("float32")
    full = train("full", epochs=10).read_history()
    assert all(math.isfinite(value) for row in half for value in row.values())
    assert full[-1]["bound"] - full[0]["bound"] > 1.5
    for name in ("bound", "val_bound"):
        assert half[-1][name] == pytest.approx(full[-1][name], abs=0.15) and half[-1][name] != full[-1][name]


@pytest.mark.slow
def test_tensorboard_gets_its_files(train):
    pytest.importorskip("tensorboard")
    run = train(epochs=2, tensorboard=True)
    assert [path for path in (run.path / "tensorboard").rglob("events.out.*") if path.stat().st_size > 100]


# ---- replicas


@pytest.mark.slow
def test_two_replicas_equal_one_device(tmp_path):
    """Measured: weights and optimiser within 6e-6 of each array's largest entry after 21 steps, figures 1e-7."""
    command = [sys.executable, Path(__file__).with_name("mirrored.py"), tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    noise = found.pop("noise")
    assert noise == {
        "shapes": [[2, 3, 3], [2, 2, 3]],
        "totals": [5, 5],
        "same as whole": True,
        "distinct": True,
    }
    assert found["dreg"]["steps"] == 21 and found["free bits"]["steps"] == 24
    print(found)
    for name, case in found.items():
        assert case["weights"] < 1e-4, (name, case)
        assert case["history"] < 1e-5, (name, case)


@pytest.mark.slow
def test_several_layers_are_evaluated_each_and_a_canvas_is_drawn(tmp_path, monkeypatch):
    options = dict(presets.get("draw").options) | {"steps": 3}
    short = dataclasses.replace(presets.get("draw"), options=tuple(options.items()))
    others = [preset for preset in presets.TABLE if preset.name != "draw"]
    monkeypatch.setattr(presets.table, "TABLE", (short, *others))
    run = RunDirectory(tmp_path / "run")
    settings = TINY | {"preset": "draw", "epochs": 1, "estimator": "iwae", "num_samples": 2}
    loop.train(Config.resolve(settings), run, say=lambda line: None)
    assert (run.figures / "canvas.png").is_file()
    found = evaluate(run, Settings(num_samples=10, limit=30)).likelihood
    assert found.units_by_layer == [2] * 3 and found.latent_size == 6
    assert sum(found.active_units_by_layer) == found.active_units


def test_an_estimator_that_trains_the_encoder_apart_is_refused_before_anything_is_made():
    with pytest.raises(UserError, match=r"rws trains q.* share parameters here; expected one of elbo"):
        Config.resolve({"preset": "draw", "estimator": "rws"})


# ---- comparisons in latent space


@pytest.mark.parametrize("name", ["none", "mmd", "factor"])
def test_a_comparison_of_codes_reaches_the_model(name):
    weight = {} if name == "none" else {"latent_weight": 2.5}
    config = Config.resolve({**TINY, **weight, "latent_comparison": name, "learning_rate": 0.004})
    model = loop.build(config, loading.load_data(config))
    if name == "none":
        assert model.latent_comparison is None
        return
    assert model.latent_comparison.name == name and model.latent_weight == 2.5
    assert (model.latent_discriminator is not None) == (name == "factor")
    rates = [float(optimizer.learning_rate) for optimizer, _ in model.optimizers().values()]
    assert rates == pytest.approx([0.004] * (1 + (name == "factor")))
