"""Every evaluation is kept, and evaluation.json is the best of them.

Mutations, each seen to break a test here: each of the seven rules left out; the estimate itself or its error taken
as a rule; evaluation.json of an earlier version overwritten; evaluation.json written outside the lock; a part
taken from another split or model; a whole split known by the largest size of any.
"""

import json
import os
import threading

import pytest

from tfvae.training.evaluation import records
from tfvae.training.evaluation.block_store import digest
from tfvae.training.evaluation.records import Evaluations, best
from tfvae.training.runs.directory import RunDirectory


@pytest.fixture
def run(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"weights")
    (tmp_path / "config.json").write_bytes(b"{}")
    return RunDirectory(tmp_path)


def likelihood(split="test", num_examples=100, **others):
    numbers = {"method": "importance", "nll": 22.5, "nll_standard_error": 0.2, "num_samples": 50}
    return numbers | {"split": split, "num_examples": num_examples} | others


AIS = {"method": "ais", "num_chains": 4, "num_temperatures": 10, "importance_nll": 23.0}


def add(run, parts=(), asked=(), **given):
    numbers = likelihood(**given)
    size = {"test": 100, "validation": 80, "train": 1000}[numbers["split"]]
    asked = {"split_size": size, **numbers, **dict(asked)}
    return Evaluations(run).add(numbers["method"], asked, {"likelihood": numbers, **dict(parts)})


def written(run):
    return json.loads(run.evaluation_file.read_text())


def kept(run):
    return {path.stem: path.read_bytes() for path in (run.path / "evaluations").iterdir()}


PAIRS = {  # rule: a better and a worse evaluation, of which the worse one is better by the rule after it
    "of the test split": ({"num_examples": 3}, {"split": "validation", "num_examples": 80}),
    "of the validation split": (
        {"split": "validation", "num_examples": 3},
        {"split": "train", "num_examples": 1000},
    ),
    "of the whole split": ({}, {"num_examples": 99} | AIS),
    "annealed": ({"num_examples": 10} | AIS, {"num_examples": 99}),
    "with its error bounded": ({"num_examples": 10, "simulated_gap": 0.3} | AIS, {"num_examples": 99} | AIS),
    "not annealed too fast": ({"num_examples": 10}, {"num_examples": 99} | AIS | {"importance_nll": 22.4}),
    "of more examples": ({"num_examples": 99}, {"num_examples": 98, "num_samples": 5000}),
    "by more particles": ({"num_samples": 51}, {"num_samples": 50}),
    "by more chains": (AIS | {"num_chains": 5}, AIS),
    "newer, though its estimate is worse": (
        {"nll": 22.6, "nll_standard_error": 0.3},
        {"nll": 22.4, "nll_standard_error": 0.1},
    ),
}


@pytest.mark.parametrize(
    ("rule", "better_last"),
    [(rule, last) for rule in PAIRS for last in (False, True) if last or "newer" not in rule],
)
def test_the_best_one_is(rule, better_last, run):
    better, worse = PAIRS[rule]
    made = [add(run, **given) for given in ([worse, better] if better_last else [better, worse])]
    expected = made[better_last]
    assert written(run) == expected.measured["likelihood"] | {
        "evaluation": expected.name,
        "model_sha256": digest(run.model_file),
    }
    assert len(kept(run)) == 2


def test_a_whole_split_is_known_by_its_own_size(run):
    add(run, split="train", num_examples=1000)
    whole = add(run)
    add(run, num_examples=99, **AIS)
    assert written(run)["evaluation"] == whole.name


def test_one_of_the_present_model_is_better_than_one_of_another(run):
    good = add(run, **AIS)
    run.model_file.write_bytes(b"other weights")
    assert written(run)["model_sha256"] != digest(run.model_file)
    quick = add(run, split="train", num_examples=1, num_samples=1)
    assert written(run)["evaluation"] == quick.name
    assert set(kept(run)) == {good.name, quick.name}
    run.model_file.write_bytes(b"weights")
    add(run, split="train", num_examples=2, num_samples=1)
    assert written(run)["evaluation"] == good.name


def test_nothing_is_replaced_but_by_the_same_evaluation(run):
    before = {}
    for given in (*(side for pair in PAIRS.values() for side in pair), {"asked": {"seed": 1}}):
        name = add(run, **given).name
        now = kept(run)
        assert {other: content for other, content in now.items() if other != name}.items() <= before.items()
        assert set(before) <= set(now) and name in now
        before = now
    again = add(run, asked={"seed": 1})
    assert again.name == name and set(kept(run)) == set(before)
    assert again.when > json.loads(before[name])["when"]


def test_parts_are_added_to_the_best_one(run):
    gap, other = {"inference_gap": 3.0, "gap_steps": 500}, {"against": "runs/b", "nll_gain": 0.1}
    best_one = add(run, **AIS)
    first = add(run, parts={"gap": gap}, num_samples=500)
    assert written(run) == best_one.measured["likelihood"] | gap | {
        "evaluation": best_one.name,
        "model_sha256": best_one.model,
        "gap_evaluation": first.name,
    }
    add(run, parts={"gap": gap | {"gap_steps": 5}}, num_samples=400)  # is worse
    second = add(run, parts={"against": other}, num_examples=3)
    add(run, parts={"details": {"precision": 0.3}}, split="validation", num_examples=80)
    now = written(run)
    assert now["nll"] == 22.5 and now["gap_steps"] == 500 and now["nll_gain"] == 0.1
    assert (now["gap_evaluation"], now["against_evaluation"]) == (first.name, second.name)
    assert "precision" not in now
    own = add(run, parts={"gap": gap | {"gap_steps": 499}}, asked={"gap_steps": 499}, **AIS)
    now = written(run)
    assert (now["evaluation"], now["gap_steps"], now["gap_evaluation"]) == (own.name, 500, first.name)
    own = add(run, parts={"gap": gap}, asked={"gap_steps": 500}, **AIS)
    now = written(run)
    assert now["evaluation"] == own.name and now["gap_steps"] == 500 and "gap_evaluation" not in now
    add(run, parts={"gap": gap | {"gap_converged": True, "gap_num_examples": 3}}, num_examples=3)
    assert written(run)["gap_num_examples"] == 3
    run.model_file.write_bytes(b"other weights")
    add(run)
    assert not {"gap_steps", "nll_gain"} & written(run).keys()


@pytest.mark.parametrize("touch", [-10, 10])
def test_an_evaluation_of_an_earlier_version_is_kept(touch, run):
    earlier = likelihood(**AIS) | {"inference_gap": 3.0, "gap_steps": 500, "against": "runs/b"}
    run.write_evaluation(earlier)
    moment = run.model_file.stat().st_mtime + touch
    os.utime(run.evaluation_file, (moment, moment))
    new = add(run, num_samples=5)
    (name,) = set(kept(run)) - {new.name}
    if touch > 0:  # it is of the present model
        assert written(run) == earlier | {"evaluation": name, "model_sha256": digest(run.model_file)}
    else:
        assert written(run) == new.measured["likelihood"] | {
            "evaluation": new.name,
            "model_sha256": new.model,
        }
    found, problems = Evaluations(run).read()
    assert problems == []
    (old,) = (record for record in found if record.name == name)
    assert {key: value for part in old.measured.values() for key, value in part.items()} == earlier
    assert set(old.measured) == {"likelihood", "gap", "against"}
    add(run, num_samples=6)
    assert set(kept(run)) > {name, new.name} and len(kept(run)) == 3


def test_an_evaluation_json_whose_evaluation_was_deleted_is_kept(run):
    lost = add(run, **AIS)
    (run.path / "evaluations" / f"{lost.name}.json").unlink()
    add(run, num_samples=5)
    assert written(run)["nll"] == lost.likelihood.nll and written(run)["method"] == "ais"
    assert len(kept(run)) == 2


@pytest.mark.parametrize("content", [b"{", b"[1]", b'{"nll": 3.0}', b"\xff", b"null", b"{}", b"[" * 100_000])
def test_what_cannot_be_read_is_kept_and_told(content, run):
    run.evaluation_file.write_bytes(content)
    new = add(run)
    assert written(run)["evaluation"] == new.name
    assert content in kept(run).values() and len(kept(run)) == 2
    assert Evaluations(run).read()[1] == []
    damaged = run.path / "evaluations" / "importance-000000000000.json"
    damaged.write_bytes(content)
    (problem,) = Evaluations(run).read()[1]
    assert str(damaged) in problem and "\n" not in problem and len(problem) < 130 + len(str(damaged))
    with pytest.warns(UserWarning, match="is damaged"):
        add(run, num_samples=60)
    assert damaged.read_bytes() == content and written(run)["num_samples"] == 60


@pytest.mark.slow
def test_evaluations_that_end_at_once_are_all_kept(run):
    def work(worker):
        for number in range(12):
            add(run, num_samples=12 * worker + number + 1)

    workers = [threading.Thread(target=work, args=(worker,)) for worker in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    found, problems = Evaluations(run).read()
    assert len(found) == 72 and problems == []
    assert written(run) == records.told(found, digest(run.model_file))
    assert written(run)["num_samples"] == 72


def test_temporary_files_of_killed_processes_are_removed(run):
    add(run)
    left = run.path / "evaluations" / ".partial-importance-1.json"
    left.write_bytes(b"{")
    add(run)
    assert not left.exists()


def test_reasons_are_the_rules(run):
    made = [add(run, num_examples=99), add(run), add(run, **AIS)]
    assert best(made, made[0].model) is made[2]
    assert records.why(made[1], made[0], made, made[0].model) == "is of the whole split"
    assert records.why(made[2], made[1], made, made[0].model) == "has the more trustworthy method"
