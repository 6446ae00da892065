"""The roles of heads: what each must define, and which roles and value kinds the heads have."""

import inspect

import numpy as np
import pytest
import tensorflow as tf

from tfvae import distributions
from tfvae.distributions import Head, LikelihoodHead, PosteriorHead, PriorHead

ROLES = (PosteriorHead, PriorHead, LikelihoodHead)
HEADS = [
    item
    for item in vars(distributions).values()
    if inspect.isclass(item) and issubclass(item, Head) and item not in (Head, *ROLES)
]


@pytest.mark.parametrize("head", HEADS)
def test_a_head_has_a_role_and_defines_all_of_it(head):
    roles = [role for role in ROLES if issubclass(head, role)]
    assert roles and not inspect.isabstract(head)
    assert head.value_kind in ("continuous", "binary", "one-hot", "levels", "counts", "mixed")
    assert head.needs_features is (PriorHead not in roles) and not (PriorHead in roles and len(roles) > 1)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (head, name)
        for head in (distributions.DiagonalNormal, distributions.StandardNormal, distributions.Normal)
        for name in sorted(
            set().union(*(role.__abstractmethods__ for role in ROLES if issubclass(head, role)))
        )
    ],
)
def test_a_head_that_leaves_a_method_out_cannot_be_made(head, name):
    role = next(role for role in ROLES if issubclass(head, role))
    kept = {key: value for key, value in vars(head).items() if key in role.__abstractmethods__ - {name}}
    with pytest.raises(TypeError, match=f"abstract method '?{name}"):
        type("Unfinished", (role,), kept)(2)


@pytest.mark.parametrize("kind", ["BernoulliPrior", "OneHotCategoricalPrior"])
def test_priors_load_from_files_that_hold_the_arguments_of_a_linear_layer(kind):
    make = getattr(distributions, kind)
    former = {"event_shape": [2, 3], "kernel_initializer": "glorot_uniform", "linear": True, "name": "p"}
    head = make.from_config(former)
    assert head.event_shape == (2, 3) and set(head.get_config()) & set(former) == {"event_shape", "name"}


def test_one_hot_variables_start_at_the_datas_mean():
    """Kills: the mean itself for its logarithm."""
    head = distributions.OneHotCategorical((2, 3))
    head.build((None, 4))
    mean = np.float32([[0.2, 0.3, 0.5], [0.6, 0.4, 0.0]])
    head.initialize_bias(mean)
    np.testing.assert_allclose(head.mean(head(tf.zeros((1, 4))))[0], mean, atol=2e-3)
