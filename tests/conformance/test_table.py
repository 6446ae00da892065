"""Whatever tfvae exports has a row in the table."""

import inspect

import pytest
from conformance import cover, models

import tfvae
from tfvae.distributions.ready_head import ReadyHead
from tfvae.models.keras_model import KerasModel

ROWS = [models.create(name) for name in models.TABLE]
ABSTRACT = {"LatentVariableModel", "Head", "PosteriorHead", "PriorHead", "LikelihoodHead"}


def exported(room, kind):
    """Names of the concrete classes of a kind that a room exports."""
    classes = {name for name in room.__all__ if inspect.isclass(getattr(room, name))}
    assert all(issubclass(getattr(room, name), kind) for name in classes)
    return sorted(classes - ABSTRACT)


@pytest.mark.parametrize("name", exported(tfvae.models, KerasModel))
def test_every_model_has_a_row(name):
    assert getattr(tfvae.models, name) in {type(row) for row in ROWS}, (
        "give it a row in conformance/models.py"
    )


@pytest.mark.parametrize("name", exported(tfvae.distributions, tfvae.distributions.Head))
def test_every_head_has_a_row(name):
    """Or, where heads differ in the class of their distributions alone, one like it has."""
    used = {type(part) for row in ROWS for part in models.parts(row)}
    head = getattr(tfvae.distributions, name)
    alike = ReadyHead if issubclass(head, ReadyHead) else head
    assert any(issubclass(part, alike) for part in used), "give it a row in conformance/models.py"


@pytest.mark.parametrize("name", exported(tfvae.networks, object))
def test_every_network_has_a_row(name):
    used = {type(part) for row in ROWS for part in models.parts(row)}
    assert getattr(tfvae.networks, name) in used, "give it a row in conformance/models.py"


def test_the_cover_has_every_kind_in_fewer_rows():
    made_of = {name: cover.kinds(name) for name in models.TABLE}
    chosen = cover.cover()
    assert set().union(*(made_of[name] for name in chosen)) == set().union(*made_of.values())
    assert len(set(chosen)) == len(chosen) < 0.6 * len(models.TABLE)


def test_the_turns_have_every_class_of_model_each_and_together_the_cover():
    turns = [cover.turn(costly) for costly in cover.TURNS]
    classes = {type(model) for model in ROWS}
    for chosen in turns:
        assert {type(models.TABLE[name]()) for name in chosen} == classes and len(chosen) == len(classes)
    assert set().union(*turns) == set(cover.cover())


def test_the_models_at_the_top_are_those_of_the_room():
    assert set(tfvae.models.__all__) <= set(tfvae.__all__)
