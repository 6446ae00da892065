"""What a resumption may change, and that a run takes up its own checkpoints alone.

Mutations, each seen to break a test here: settings of a checkpoint that are not compared, or compared with those of the
start alone; a setting that may change among those that tell runs apart; data that are blamed for another seed; an edit
of config.json that is passed over where there is no checkpoint; a schedule that is stretched where it is no cosine or
does not end; a run shortened to fewer epochs than are done; patience for a run whose best weights were not kept; other
people's files among the checkpoints, counted or removed.
"""

import json
import types

import numpy as np
import pytest

from tfvae import cli
from tfvae.checks import UserError
from tfvae.training.config import Config
from tfvae.training.runs import checkpoint, identity, resumption
from tfvae.training.runs.directory import RunDirectory

DATA = "f" * 64


class Variable:
    shape = (2,)

    def numpy(self):
        return np.zeros(2, np.float32)


MODEL = types.SimpleNamespace(weights=[Variable()], optimizers=dict)


def history_of(*bounds):
    return [{"epoch": i + 1, "val_bound": bound} for i, bound in enumerate(bounds)]


@pytest.fixture
def start(tmp_path):
    """Returns a function that makes a run with a checkpoint for each of these validation bounds."""

    def start(*bounds, name="run", part=None, **settings):
        run = RunDirectory(tmp_path / name)
        config = Config.resolve({"epochs": 10} | settings)
        run.create(config, ["tfvae", "train"], DATA)
        own = identity.of(config.to_json(), DATA)
        for epoch in range(1, len(bounds) + 1):
            checkpoint.save(run.checkpoints, MODEL, history_of(*bounds[:epoch]), own)
        if part:
            checkpoint.save(
                run.checkpoints, MODEL, history_of(*bounds), own, checkpoint.Part(part, 1e-3, 1.0)
            )
        return run

    return start


def edit(run, **settings):
    content = json.loads(run.config_file.read_text())
    content["config"] |= settings
    run.config_file.write_text(json.dumps(content))


def chosen(run, **given):
    return resumption.choose(run, resumption.changed(run, given))[0]


def one_line(error):
    assert "\n" not in str(error.value)
    return str(error.value)


# ---- whose checkpoint it is


def test_a_checkpoint_of_another_seed_is_refused_by_name(start):
    run, other = start(1.0, 2.0), start(1.0, 2.0, 3.0, name="other", seed=7)
    assert chosen(run).epoch == 2
    path = checkpoint.path_of(other.checkpoints, 3)
    (run.checkpoints / path.name).write_bytes(path.read_bytes())
    with pytest.raises(
        UserError, match=r"epoch-000003\.ckpt in .* another run; .* received seed \(7 there, 0 here\);"
    ):
        chosen(run)


def test_another_data_sets_checkpoint_is_refused(start):
    run = start(1.0)
    other = identity.of(run.config().to_json(), "e" * 64)
    checkpoint.save(run.checkpoints, MODEL, history_of(1.0, 2.0), other)
    with pytest.raises(
        UserError, match=r"another run; .* data \(eeeeeeeeeeee... there, ffffffffffff... here\)"
    ):
        chosen(run)


def test_another_seed_is_told_and_not_the_data_that_it_held_out(start):
    run, other = start(1.0), start(name="other", seed=7)
    theirs = identity.of(other.config().to_json(), "e" * 64)
    checkpoint.save(run.checkpoints, MODEL, history_of(1.0, 2.0), theirs)
    with pytest.raises(UserError, match=r"received seed \(7 there, 0 here\); take"):
        chosen(run)


def test_checkpoints_of_earlier_versions_are_taken(start):
    run = start()
    checkpoint.save(run.checkpoints, MODEL, history_of(1.0))
    assert chosen(run).epoch == 1
    content = json.loads(run.config_file.read_text())
    del content["started_with"], content["data_sha256"]
    run.config_file.write_text(json.dumps(content))
    assert chosen(run).epoch == 1


@pytest.mark.parametrize(
    ("name", "value"), [("learning_rate", 0.5), ("binarize", "threshold"), ("seed", 3), ("latent_size", 4)]
)
@pytest.mark.parametrize("epochs", [0, 2])
def test_an_edited_setting_is_told_as_what_it_is(start, name, value, epochs):
    run = start(*[1.0] * epochs)
    there = getattr(run.config(), name)
    edit(run, **{name: value})
    with pytest.raises(UserError, match=r"config\.json was edited since the run was started") as error:
        chosen(run)
    line = one_line(error)
    assert (
        f"received {name} ({there} there, {value} here);" in line
        and "data set" not in line
        and "data (" not in line
    )


def test_an_edited_setting_is_told_by_an_evaluation_too(start, capsys):
    run = start(1.0)
    edit(run, binarize="threshold")
    assert cli.main(["evaluate", str(run.path)]) == 2
    assert (
        "was edited since" in (line := capsys.readouterr().err)
        and "binarize (dynamic there, threshold" in line
    )


def test_an_edited_seed_of_an_earlier_versions_run_is_told(start):
    run = start()
    content = json.loads(run.config_file.read_text())
    del content["started_with"]
    content["config"]["seed"] = 5
    run.config_file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"was edited .* received seed \(0 there, 5 here\)"):
        chosen(run)


def test_where_the_copy_was_edited_too_the_checkpoint_tells(start):
    run = start(1.0)
    run.config_file.write_text(
        run.config_file.read_text().replace('"learning_rate": 0.002', '"learning_rate": 0.1')
    )
    with pytest.raises(
        UserError, match=r"another run; .* learning_rate \(0\.002 there, 0\.1 here\); .* restore config"
    ):
        chosen(run)


def test_it_is_refused_before_anything_slow(start, capsys):
    run = start(1.0)
    edit(run, learning_rate=0.5)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    assert cli.main(["train", "--run-dir", str(run.path), "--resume"]) == 2
    assert "learning_rate (0.002 there, 0.5 here)" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("damage", [{"started_with": [1]}, {"started_with": "x"}, {"resumptions": {"a": 1}}])
def test_damaged_records_in_config_json_are_told(start, damage):
    run = start(1.0)
    run.config_file.write_text(json.dumps(run.content() | damage))
    with pytest.raises(UserError, match=r"config\.json is damaged"):
        chosen(run)


@pytest.mark.parametrize(
    "run_of", [None, [], {"settings": 1}, {"settings": {}}, {"settings": {}, "data_sha256": 1}]
)
def test_a_checkpoint_of_another_form_is_passed_over(start, run_of):
    run = start(1.0)
    checkpoint.save(run.checkpoints, MODEL, history_of(1.0, 2.0), {} if run_of is None else run_of)
    newest, (problem,) = checkpoint.load_newest(run.checkpoints)
    assert newest.epoch == 1 and "epoch-000002.ckpt is passed over" in problem and "\n" not in problem


# ---- what may change


def test_what_may_change_is_listed_and_the_rest_refused_by_name(start):
    run = start(1.0)
    with pytest.raises(UserError) as error:
        resumption.changed(run, {"seed": 1, "epochs": 20, "latent_size": None})
    line = one_line(error)
    assert "received epochs (10 there, 20 here), seed (0 there, 1 here);" in line.replace(
        "seed (0 there, 1 here), epochs (10 there, 20 here)",
        "epochs (10 there, 20 here), seed (0 there, 1 here)",
    )
    for name in identity.MAY_CHANGE:
        assert f"--{name.replace('_', '-')}" in line
    given = {"patience": 3, "figures_every": 7, "checkpoint_seconds": 1.0, "tensorboard": True, "epochs": 12}
    config = resumption.changed(run, given)
    assert {name: getattr(config, name) for name in given} == given


def test_the_file_of_the_data_may_be_another_where_its_content_is_known(start):
    run = start(1.0)
    assert resumption.changed(run, {"dataset": "/elsewhere.npz"}).dataset == "/elsewhere.npz"
    with pytest.raises(UserError, match=r"data set /elsewhere\.npz has changed since the run"):
        run.check_data("e" * 64, resumption.changed(run, {"dataset": "/elsewhere.npz"}))
    content = json.loads(run.config_file.read_text())
    del content["data_sha256"]
    run.config_file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"received dataset \(digits there, /elsewhere\.npz here\)"):
        resumption.changed(run, {"dataset": "/elsewhere.npz"})


def test_a_schedule_keeps_its_epochs_but_a_cosine_that_would_end_is_stretched(start):
    run = start(1.0, schedule="cosine")
    spans = {
        epochs: resumption.changed(run, {"epochs": epochs}).schedule_epochs for epochs in (4, 10, 11, 30)
    }
    assert spans == {4: 10, 10: 10, 11: 11, 30: 30}
    assert resumption.changed(run, {"epochs": 20, "schedule_epochs": 50}).schedule_epochs == 50
    assert resumption.changed(run, {"schedule_epochs": 5}).schedule_epochs == 5
    constant = start(1.0, name="constant", schedule="constant")
    assert resumption.changed(constant, {"epochs": 30}).schedule_epochs == 10
    longer = start(1.0, name="longer", schedule="cosine", schedule_epochs=20)
    assert resumption.changed(longer, {"epochs": 15}).schedule_epochs == 20


def test_what_changed_is_recorded_each_time(start):
    run = start(1.0, 2.0, schedule="constant")
    for epochs in (20, 5):
        config = resumption.changed(run, {"epochs": epochs})
        resumption.record(run, config, chosen(run, epochs=epochs))
        assert run.config() == config
    content = run.content()
    assert [one["changed"] for one in content["resumptions"]] == [{"epochs": [10, 20]}, {"epochs": [10, 5]}]
    assert {one["after_epoch"] for one in content["resumptions"]} == {2}
    assert (
        content["started_with"]["epochs"] == 10
        and content["resumptions"][0]["versions"] == content["versions"]
    )
    assert chosen(run).epoch == 2


def test_a_run_is_not_shortened_to_less_than_is_done(start):
    run = start(1.0, 2.0, 3.0, schedule="constant", part=4)
    assert (chosen(run, epochs=4).epoch, chosen(run, epochs=4).step) == (3, 4)
    with pytest.raises(UserError, match=r"gone beyond epoch 3; expected --epochs of at least 4; received 3"):
        chosen(run, epochs=3)
    finished = start(1.0, 2.0, name="finished", epochs=2)
    assert chosen(finished, epochs=3).epoch == 2 and chosen(finished, epochs=2).epoch == 2
    with pytest.raises(UserError, match="at least 2"):
        chosen(finished, epochs=1)


def test_patience_that_has_run_out_is_told_where_more_epochs_are_wanted(start):
    run = start(1.0, 5.0, 3.0, 2.0, epochs=4, patience=2)
    assert chosen(run).epoch == 4
    with pytest.raises(
        UserError, match=r"no epoch after 2 of 4 had a better .* --patience of more than 2 with"
    ):
        chosen(run, epochs=8)
    assert chosen(run, epochs=8, patience=3).epoch == 4
    assert chosen(run, epochs=8, patience=0).epoch == 4


def test_patience_needs_the_best_weights_that_were_kept(start):
    run = start(5.0, 1.0, 2.0, 3.0)
    assert chosen(run, patience=9).epoch == 4
    checkpoint.path_of(run.checkpoints, 1).unlink()
    with pytest.raises(UserError, match=r"the best epoch, 1, were not kept"):
        chosen(run, patience=9)
    assert chosen(run).epoch == 4


# ---- other people's files


def test_other_files_among_the_checkpoints_are_left_alone(start):
    run = start(1.0, 2.0)
    names = [
        "epoch-000001_old.ckpt",
        "epoch-000002 copy.ckpt",
        "epoch-best.ckpt",
        "epoch-1.ckpt",
        "epoch-0000003.ckpt",
    ]
    names += [
        "epoch-000009.ckpt.bak",
        "epoch-.ckpt",
        "epoch-000001-step-5.ckpt",
        "epoch-000001-step-000000.ckpt",
    ]
    for name in names:
        (run.checkpoints / name).write_bytes(checkpoint.path_of(run.checkpoints, 1).read_bytes())
    (run.checkpoints / "epoch-000099.ckpt").mkdir()
    (run.checkpoints / "epoch-folder.ckpt").mkdir()
    assert checkpoint.found(run.checkpoints) == [(1, 0), (2, 0)]
    own = identity.of(run.config().to_json(), DATA)
    for epochs in (3, 4, 5):
        checkpoint.save(run.checkpoints, MODEL, history_of(*range(epochs)), own)
    assert checkpoint.found(run.checkpoints) == [(4, 0), (5, 0)]
    assert chosen(run).epoch == 5
    left = {path.name for path in run.checkpoints.iterdir()} - {"epoch-000004.ckpt", "epoch-000005.ckpt"}
    assert left == {*names, "epoch-000099.ckpt", "epoch-folder.ckpt"}


def test_another_runs_checkpoint_is_not_dropped(start):
    run, other = start(1.0, 2.0), start(1.0, name="other", seed=7)
    path = checkpoint.path_of(run.checkpoints, 1)
    path.write_bytes(checkpoint.path_of(other.checkpoints, 1).read_bytes())
    own = identity.of(run.config().to_json(), DATA)
    for epochs in (3, 4):
        checkpoint.save(run.checkpoints, MODEL, history_of(*range(epochs)), own)
    assert checkpoint.found(run.checkpoints) == [(1, 0), (3, 0), (4, 0)]


def test_a_checkpoint_within_an_epoch_goes_with_the_next_one(start):
    run = start(1.0, 2.0, part=5)
    assert checkpoint.found(run.checkpoints) == [(1, 0), (2, 0), (2, 5)]
    own = identity.of(run.config().to_json(), DATA)
    newest = checkpoint.load_newest(run.checkpoints)[0]
    assert (newest.epoch, newest.step, newest.part.learning_rate, len(newest.history)) == (2, 5, 1e-3, 2)
    checkpoint.path_of(run.checkpoints, 2, 5).write_bytes(b"damaged")
    loaded, problems = checkpoint.load_newest(run.checkpoints)
    assert (loaded.epoch, loaded.step) == (2, 0) and "epoch-000002-step-000005.ckpt" in problems[0]
    checkpoint.save(run.checkpoints, MODEL, history_of(1.0, 2.0), own, checkpoint.Part(9, 1e-3, 1.0))
    assert checkpoint.found(run.checkpoints) == [(1, 0), (2, 0), (2, 9)]
    checkpoint.save(run.checkpoints, MODEL, history_of(1.0, 2.0, 3.0), own)
    assert checkpoint.found(run.checkpoints) == [(2, 0), (3, 0)]
