"""The table of comparisons: each row is there, says what its class does, and refuses what it cannot take."""

import importlib

import numpy as np
import pytest
import tensorflow as tf

from tfvae import comparisons
from tfvae.checks import UserError
from tfvae.comparisons.adversarial import Adversarial
from tfvae.comparisons.base import Comparison
from tfvae.comparisons.codes import OfCodes

LOGITS = np.linspace(-6, 6, 13).astype(np.float32)
MOVES = {"sigmoid": lambda a: 1 / (1 + np.exp(-a)), "exp": np.exp}


@pytest.mark.parametrize("row", comparisons.TABLE, ids=lambda row: row.name)
def test_a_row_leads_to_its_class_and_back(row):
    made = comparisons.get(row.name)
    assert isinstance(made, Comparison) and made.name == row.name
    assert comparisons.get(made.get_config()) == made


def test_every_comparison_has_a_row():
    modules = {row.factory.partition(":")[0] for row in comparisons.TABLE}
    for module in modules:
        importlib.import_module(f"tfvae.comparisons.{module}")

    def concrete(cls):
        for child in cls.__subclasses__():
            if "name" in vars(child):
                yield child
            yield from concrete(child)

    assert {child.name for child in concrete(Comparison)} == set(comparisons.names())


@pytest.mark.parametrize("name", comparisons.names("critic"))
def test_the_table_gives_the_weight_of_a_path(name):
    weight = comparisons.get(name).generator(tf.constant(LOGITS)).weight
    said = eval(comparisons.row(name).moves.replace(" ", "*"), MOVES, {"a": LOGITS.astype(np.float64)})
    np.testing.assert_allclose(weight, np.broadcast_to(said, LOGITS.shape), rtol=2e-6)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("non-saturation", r"unknown cost; .*non-saturating.*received 'non-saturation'"),
        ({"name": "hinge", "margin": 2}, "comparison hinge has no option margin; expected no options"),
        ({"name": "minimax", "label_smoothing": 1.0}, r"label_smoothing .*\[0, 1\).*received 1.0"),
    ],
)
def test_bad_choices_are_one_line(spec, says):
    with pytest.raises(UserError, match=says):
        comparisons.get(spec, "critic")


@pytest.mark.parametrize("name", comparisons.latent_names())
def test_a_comparison_of_codes_is_one_of_two_kinds(name):
    made = comparisons.get_latent(name)
    assert isinstance(made, OfCodes) != isinstance(made, Adversarial)
    assert comparisons.get_latent(made.get_config()) == made
    assert comparisons.latent(name).weight > 0


def test_latent_space_has_defaults_of_its_own():
    """MMD^2 there, as its papers have it, of which an unbiased estimate needs no other option."""
    assert comparisons.get("mmd").root and not comparisons.get_latent("mmd").root
    assert comparisons.get_latent({"name": "mmd", "unbiased": True}).unbiased
    assert comparisons.get_latent({"name": "mmd", "root": True}).root


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("mdm", r"unknown latent_comparison; .*mmd.*received 'mdm'"),
        ("wasserstein", "unknown latent_comparison"),
        ({"weight": 3}, "unknown latent_comparison"),
        ({"name": "mmd", "width": 2}, "comparison mmd has no option width"),
        ({"name": "mmd", "bandwidths": (0.0,)}, "a bandwidth is not a positive number"),
    ],
)
def test_bad_choices_in_latent_space_are_one_line(spec, says):
    with pytest.raises(UserError, match=says) as caught:
        comparisons.get_latent(spec)
    assert "\n" not in str(caught.value)
