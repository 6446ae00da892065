"""The latent tools, on a linear model whose every answer is known.

Mutations, each seen to break a test here: end and start of a path swapped, `steps` that leave out an end, lengths of a
spherical path left at 1; an attribute with the sign turned, or the mean over all examples for those without; the
strength squared; rows of the manifold from the lowest z1 up; quantiles at (i + 1/2) / (side + 1); a traversal that adds
to the code; units in order of rising activity, or of the units of every layer; blocks of codes after the first left
out; equal codes taken for a circle.
"""

from statistics import NormalDist
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tfvae import VAE, DiscreteVAE, HierarchicalVAE, latent
from tfvae.checks import UserError
from tfvae.distributions import Bernoulli, DiagonalNormal, FullCovarianceNormal, Normal

D, LATENTS = 5, 3


def linear(latents=LATENTS):
    """encode(x) = x A + a, decode(z) = z C + c."""
    keras.utils.set_random_seed(0)
    identity = keras.layers.Identity
    model = VAE(identity(), identity(), posterior=DiagonalNormal(latents), likelihood=Normal(D))
    model.build()
    rng = np.random.default_rng(1)
    for layer in (model.posterior_head.loc_layer, model.likelihood_head.loc_layer):
        layer.linear.bias.assign(rng.standard_normal(layer.linear.bias.shape))
    return model


def coder(model):
    """The two linear maps in float64."""
    maps = []
    for layer in (model.posterior_head.loc_layer.linear, model.likelihood_head.loc_layer.linear):
        kernel, bias = (np.asarray(part, np.float64) for part in (layer.kernel, layer.bias))
        maps.append(lambda x, kernel=kernel, bias=bias: np.asarray(x, np.float64) @ kernel + bias)
    return maps


@pytest.fixture(scope="module")
def model():
    return linear()


@pytest.fixture
def rng():
    return np.random.default_rng(2)


@pytest.fixture
def x(rng):
    return rng.standard_normal((20, D)).astype(np.float32)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_linear_path_between_examples_is_a_line_between_their_codes(model, x):
    encode, decode = coder(model)
    start, end = encode(x[:3]), encode(x[3:6])
    images = latent.interpolate(model, x[:3], x[3:6], 5)
    assert images.shape == (5, 3, D)
    for step, image in enumerate(images):
        close(image, decode(start + step / 4 * (end - start)))
    close(latent.interpolate(model, x[0], x[3], 5), images[:, 0])


def test_a_spherical_path_stays_on_the_sphere_in_equal_angles(rng):
    start, end = rng.standard_normal((2, 4, 50))
    start, end = (3.0 * code / np.linalg.norm(code, axis=-1, keepdims=True) for code in (start, end))
    codes = np.float64(latent.path(start, end, 7, "spherical"))
    close(codes[0], start)
    close(codes[-1], end)
    close(np.linalg.norm(codes, axis=-1), np.full((7, 4), 3.0))
    angles = np.arccos(np.sum(codes[1:] * codes[:-1], axis=-1) / 9.0)
    whole = np.arccos(np.sum(start * end, axis=-1) / 9.0)
    close(angles, np.tile(whole / 6, (6, 1)))
    assert np.linalg.norm(latent.path(start, end, 3)[1], axis=-1).max() < 2.9, "a line cuts the corner"


def test_a_spherical_path_between_unequal_or_parallel_codes():
    codes = latent.path([1.0, 0.0], [0.0, 3.0], 3, "spherical")
    close(codes, [[1, 0], [np.sqrt(2), np.sqrt(2)], [0, 3]])
    close(latent.path([1.0, 1.0], [3.0, 3.0], 3, "spherical"), [[1, 1], [2, 2], [3, 3]])


def test_a_spherical_path_between_equal_codes_stays():
    code = np.array([1.0, 2.0])
    close(latent.path(code, code, 4, "spherical"), np.tile(code, (4, 1)))


def test_many_codes_are_decoded_in_blocks(model, x):
    encode, decode = coder(model)
    start, end = encode(x[:1])[0], encode(x[1:2])[0]
    close(latent.interpolate(model, x[0], x[1], 1203), decode(latent.path(start, end, 1203)))


def test_the_units_next_to_the_data_are_ordered_among_themselves(monkeypatch):
    found = SimpleNamespace(variance=np.array([0.1, 0.5, 0.2, 9.0, 8.0]))
    monkeypatch.setattr("tfvae.latent.units.active_units", lambda model, data: found)
    model = linear()
    assert latent.by_activity(model, None).tolist() == [1, 2, 0]


def test_an_attribute_is_a_difference_of_mean_codes_and_an_edit_adds_it(model, x):
    encode, decode = coder(model)
    has = np.arange(len(x)) % 4 == 0
    attribute = latent.attribute_vector(model, x, has)
    expected = encode(x[has]).mean(axis=0) - encode(x[~has]).mean(axis=0)
    close(attribute, expected)
    for strength in (-1.5, 0.0, 2.0):
        close(latent.edit(model, x, attribute, strength), decode(encode(x) + strength * expected))


def test_the_manifold_stands_at_the_priors_quantiles():
    model = linear(2)
    decode = coder(model)[1]
    images, (low, high) = latent.manifold(model, 4)
    assert images.shape == (4, 4, D)
    places = [NormalDist().inv_cdf((i + 0.5) / 4) for i in range(4)]
    close([low, high], [places[0], places[-1]])
    assert high == pytest.approx(1.15034938, abs=1e-6)
    for (row, column), z in {(0, 0): (0, 3), (0, 3): (3, 3), (3, 0): (0, 0), (1, 3): (3, 2)}.items():
        close(images[row, column], decode([places[z[0]], places[z[1]]]))


def test_a_traversal_changes_one_unit_alone(model, x):
    encode, decode = coder(model)
    images = latent.traverse(model, x[0], [2, 0], low=-1.0, high=2.0, steps=4)
    assert images.shape == (2, 4, D)
    for row, unit in enumerate((2, 0)):
        for step in range(4):
            code = encode(x[0])
            code[unit] = -1.0 + step
            close(images[row, step], decode(code))


def test_units_in_order_of_activity(model, x):
    variance = coder(model)[0](x).var(axis=0)
    order = latent.by_activity(model, x)
    assert (np.diff(variance[order]) <= 0).all() and sorted(order) == [0, 1, 2]


def test_many_examples_are_coded_in_blocks(model):
    x = np.random.default_rng(0).standard_normal((1203, D)).astype(np.float32)
    close(latent.encode(model, x), coder(model)[0](x))


def discrete():
    identity = keras.layers.Identity
    return DiscreteVAE([identity()], [identity()], posteriors=[Bernoulli(2)], likelihood=Bernoulli(D))


def hierarchical():
    identity = keras.layers.Identity
    return HierarchicalVAE(
        [identity(), identity()],
        [identity(), identity()],
        posteriors=[DiagonalNormal(2), FullCovarianceNormal(2)],
        conditionals=[DiagonalNormal(2)],
        likelihood=Normal(D),
    )


ONE = np.zeros((1, D), np.float32)
BAD = {
    "differ in size": lambda m: latent.interpolate(m, np.ones((2, D)), np.ones((3, D)), 5),
    "x has the wrong shape": lambda m: latent.interpolate(m, np.ones(D - 1), np.ones(D - 1), 5),
    "two ends": lambda m: latent.interpolate(m, ONE, ONE, 1),
    "unknown method": lambda m: latent.interpolate(m, ONE, ONE, 5, "round"),
    "no direction": lambda m: latent.path(np.ones(3), np.zeros(3), 5, "spherical"),
    "no shortest arc": lambda m: latent.path(np.ones(3), -np.ones(3), 5, "spherical"),
    "examples with it and": lambda m: latent.attribute_vector(m, np.tile(ONE, (4, 1)), np.ones(4, bool)),
    "and examples without": lambda m: latent.attribute_vector(m, np.tile(ONE, (4, 1)), np.zeros(4, bool)),
    "does not fit the examples": lambda m: latent.attribute_vector(m, ONE, np.ones(2, bool)),
    "5 booleans": lambda m: latent.attribute_vector(m, np.tile(ONE, (5, 1)), np.arange(5)),
    "not a code": lambda m: latent.edit(m, ONE, np.zeros(4), 1.0),
    "strength": lambda m: latent.edit(m, ONE, np.zeros(3), float("nan")),
    "two-dimensional latent": lambda m: latent.manifold(m, 5),
    "2 layers": lambda m: latent.manifold(hierarchical(), 5),
    "two sides": lambda m: latent.manifold(m, 1),
    "no such latent unit": lambda m: latent.traverse(m, ONE[0], [3]),
    "at least one of 0 to": lambda m: latent.traverse(m, ONE[0], []),
    "does not ascend": lambda m: latent.traverse(m, ONE[0], [0], low=1.0, high=1.0),
    "no continuous latents": lambda m: latent.traverse(discrete(), ONE[0], [0]),
    "whose latents are discrete": lambda m: latent.manifold(discrete(), 3),
    "DiscreteVAE": lambda m: latent.edit(discrete(), ONE, np.zeros(2), 1.0),
    "whose latents are none": lambda m: latent.interpolate(keras.Sequential(), np.ones(3), np.zeros(3), 5),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_refused_in_one_line(message, model):
    with pytest.raises(UserError, match=message) as told:
        BAD[message](model)
    assert "\n" not in str(told.value)
