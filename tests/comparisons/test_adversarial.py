"""The costs of the adversarial game against closed forms.

Data N(m, 1) and a generator theta + z: the optimal critic is the logit a(x) = (m - theta) x + (theta^2 - m^2) / 2. Held
fixed, it gives the maximum-likelihood cost the expected gradient 1/2 (theta - m), and those of the other two costs add
up to it.

Mutations, each seen to break a test here: the smoothed label of the wrong sign in the value, samples without the factor
1/2, the slope of the other side, the likelihood cost without its 1/2.
"""

import numpy as np
import pytest
import tensorflow as tf

from tfvae import comparisons
from tfvae.comparisons.adversarial import effective_sample_size

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
M, THETA = 0.7, -0.4
GAMES = comparisons.names("critic")
PROBABILISTIC = [name for name in GAMES if comparisons.get(name).probabilistic]


def optimal(x):
    return (M - THETA) * x + (THETA**2 - M**2) / 2


def in_double(logits):
    return tf.constant(np.asarray(logits, np.float64))


def expected_gradient(name):
    """d J(G) / d theta by quadrature, the critic held fixed: E weight(a(x)) da/dx."""
    weight = comparisons.get(name).generator(in_double(optimal(THETA + NODES))).weight.numpy()
    return WEIGHTS @ weight * (M - THETA)


def test_the_gradient_of_the_likelihood_cost_is_that_of_the_divergence():
    np.testing.assert_allclose(expected_gradient("maximum-likelihood"), 0.5 * (THETA - M), rtol=1e-9)


@pytest.mark.parametrize("name", ["minimax", "non-saturating"])
def test_the_other_gradients_are_those_of_the_densities(name):
    x = np.linspace(-14, 14, 40_001)
    data, model = (np.exp(-((x - mean) ** 2) / 2) / np.sqrt(2 * np.pi) for mean in (M, THETA))
    share = {"minimax": data, "non-saturating": model}[name] / (data + model)
    np.testing.assert_allclose(
        expected_gradient(name), np.trapezoid(-0.5 * share * model, x) * (M - THETA), rtol=1e-6
    )


def test_two_costs_split_the_gradient_of_the_third():
    both = expected_gradient("minimax") + expected_gradient("non-saturating")
    np.testing.assert_allclose(both, expected_gradient("maximum-likelihood"), rtol=1e-9)


@pytest.mark.parametrize("cost", [*GAMES, {"name": "non-saturating", "label_smoothing": 0.1}], ids=str)
def test_weights_are_slopes_of_values(cost):
    game = comparisons.get(cost)
    logits = in_double([-40.0, -3.0, -0.5, 0.25, 2.0, 9.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        costs = [game.generator(logits), *game.critic(logits, logits + 0.1)]
    for cost in costs:
        np.testing.assert_allclose(cost.weight, tape.gradient(cost.value, logits), rtol=1e-12)


@pytest.mark.parametrize("name", PROBABILISTIC)
def test_values_are_logarithms_of_probabilities(name):
    logits = np.array([-3.0, -0.5, 0.25, 2.0])
    d = 1 / (1 + np.exp(-logits))
    said = {
        "minimax": 0.5 * np.log(1 - d),
        "non-saturating": -0.5 * np.log(d),
        "maximum-likelihood": -0.5 * d / (1 - d),
    }[name]
    game = comparisons.get(name)
    np.testing.assert_allclose(game.generator(in_double(logits)).value, said, rtol=1e-12)
    real, fake = game.critic(in_double(logits), in_double(logits))
    np.testing.assert_allclose(real.value, -0.5 * np.log(d), rtol=1e-12)
    np.testing.assert_allclose(fake.value, -0.5 * np.log(1 - d), rtol=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_best_critic_is_the_ratio_of_the_densities(smoothing):
    """d J(D) / d a(x) vanishes where D = (1 - s) p_data / (p_data + p_g), and nowhere near it."""
    game = comparisons.get({"name": "minimax", "label_smoothing": smoothing})
    x = np.linspace(-3, 3, 7)
    data, model = (np.exp(-((x - mean) ** 2) / 2) for mean in (M, THETA))
    d = (1 - smoothing) * data / (data + model)

    def slope(d):
        logits = in_double(np.log(d / (1 - d)))
        real, fake = game.critic(logits, logits)
        return data * real.weight.numpy() + model * fake.weight.numpy()

    np.testing.assert_allclose(slope(d), 0, atol=1e-12)
    assert (slope(0.98 * d) < -1e-6).all() and (slope(1.01 * d) > 1e-6).all()


def test_a_saturated_generator_moves_under_one_cost_alone():
    """Where the critic is sure of its win, a = -20, only the non-saturating cost still pushes."""
    weights = {name: float(comparisons.get(name).generator(tf.constant([-20.0])).weight[0]) for name in GAMES}
    assert weights["non-saturating"] == pytest.approx(-0.5)
    assert -2e-9 < weights["minimax"] < 0 and -2e-9 < weights["maximum-likelihood"] < 0


@pytest.mark.parametrize("name", sorted(set(GAMES) - {"maximum-likelihood"}))
def test_far_logits_stay_finite(name):
    far = tf.constant([-3e4, -200.0, 200.0, 3e4])
    game = comparisons.get(name)
    for cost in (game.generator(far), *game.critic(far, far)):
        assert np.isfinite(cost.value).all() and np.isfinite(cost.weight).all()


def test_hinge_costs_by_hand():
    real, fake = comparisons.get("hinge").critic(tf.constant([-1.0, 0.5, 2.0]), tf.constant([-3.0, 0.0, 1.5]))
    assert real.value.numpy().tolist() == [2.0, 0.5, 0.0] and real.weight.numpy().tolist() == [-1, -1, 0]
    assert fake.value.numpy().tolist() == [0.0, 1.0, 2.5] and fake.weight.numpy().tolist() == [0, 1, 1]


def test_the_effective_sample_size_by_hand():
    assert float(effective_sample_size(tf.fill([7], 300.0))) == pytest.approx(7, rel=1e-5)
    assert float(effective_sample_size(tf.constant([0.0, -200.0, -300.0]))) == pytest.approx(1)
    assert float(effective_sample_size(tf.math.log([1.0, 2.0]))) == pytest.approx(9 / 5)
