"""The adversarial game on a line, where every expected gradient has a closed form.

Data N(m, 1), generator theta + z, and the optimal discriminator a(x) = (m - theta) x + (theta^2 - m^2) / 2.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kit.stats import assert_mean_close

from tfvae import comparisons, evaluation
from tfvae.checks import UserError
from tfvae.distributions import StandardNormal
from tfvae.models import gan
from tfvae.models.gan import GAN
from tfvae.models.players import unmoved

M, THETA = 0.7, -0.4
ROWS, REPLICATES = 200, 60
RNG = np.random.default_rng(0)


@keras.saving.register_keras_serializable(package="tests")
class Shift(keras.layers.Layer):
    """theta + z."""

    def build(self, shape):
        self.theta = self.add_weight(shape=(1,), initializer="zeros", name="theta")

    def call(self, z):
        return z + self.theta


def on_a_line(cost, generator_rate, discriminator_rate, **options):
    model = GAN(Shift(), keras.layers.Dense(1), prior=StandardNormal(1), cost=cost, **options)
    model.compile(
        keras.optimizers.SGD(generator_rate), discriminator_optimizer=keras.optimizers.SGD(discriminator_rate)
    )
    return model


def small(cost="non-saturating", **options):
    """A game in the plane with batch normalisation in both networks."""
    keras.utils.set_random_seed(0)

    def network(outputs):
        layers = keras.layers
        return keras.Sequential([layers.Dense(8, "tanh"), layers.BatchNormalization(), layers.Dense(outputs)])

    model = GAN(network(2), network(1), prior=StandardNormal(3), cost=cost, **options)
    model.compile(keras.optimizers.Adam(1e-2), discriminator_optimizer=keras.optimizers.Adam(1e-2))
    return model


DATA = RNG.normal(size=(60, 2)).astype(np.float32)


def expected_weight(name):
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    a = (M - THETA) * (THETA + nodes) + (THETA**2 - M**2) / 2
    return weights / weights.sum() @ comparisons.get(name).generator(tf.constant(a)).weight.numpy()


@pytest.mark.parametrize("name", ["minimax", "non-saturating", "maximum-likelihood"])
def test_a_step_of_the_generator_has_the_gradient_of_its_cost(name):
    """Kills: a cost of the wrong sign, the factor 1/2 forgotten."""
    model = on_a_line(name, 1.0, 0.0)
    steps, x = [], RNG.normal(M, 1, size=(ROWS, 1)).astype(np.float32)
    for _ in range(REPLICATES):
        model.generator_network.theta.assign([THETA])
        model.discriminator.set_weights([np.array([[M - THETA]]), np.array([(THETA**2 - M**2) / 2])])
        model.train_on_batch(x)
        steps.append(THETA - float(model.generator_network.theta[0]))
    assert_mean_close(np.array(steps), expected_weight(name) * (M - THETA), smallest_bug=0.1)
    if name == "maximum-likelihood":
        np.testing.assert_allclose(expected_weight(name) * (M - THETA), 0.5 * (THETA - M), rtol=1e-6)


def test_the_discriminator_finds_the_ratio_of_the_densities():
    model = on_a_line("non-saturating", 0.0, 0.5)
    model.generator_network.theta.assign([THETA])
    x = tf.data.Dataset.from_tensor_slices(RNG.normal(M, 1, size=(20_000, 1)).astype(np.float32)).batch(2000)
    model.fit(x, epochs=20, verbose=0, shuffle=False)
    slope, offset = (weights.ravel()[0] for weights in model.discriminator.get_weights())
    error = 0.03  # of a logistic regression on 20,000 examples, about sqrt(4 / 20,000) twice
    assert abs(slope - (M - THETA)) < 3 * error and abs(offset - (THETA**2 - M**2) / 2) < 3 * error


def test_a_loaded_game_goes_on_bit_for_bit(tmp_path):
    model = small(discriminator_steps=2, r1_penalty=0.1, penalty_every=2)
    model.fit(DATA, epochs=1, batch_size=20, verbose=0, shuffle=False)
    model.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    for game in (model, loaded):
        game.fit(DATA, epochs=2, batch_size=20, verbose=0, shuffle=False)
    for mine, others in zip(everything(model), everything(loaded), strict=True):
        np.testing.assert_array_equal(mine, others)


def everything(model):
    return [
        np.array(v)
        for v in (*model.variables, *model.optimizer.variables, *model.discriminator_optimizer.variables)
    ]


def test_running_statistics_follow_a_networks_own_turn_alone():
    model = small()
    normalization = model.discriminator.layers[1]
    before = [np.array(value) for value in normalization.non_trainable_weights]
    with unmoved(model.discriminator):
        model.call(tf.constant(DATA), training=True)
    for value, kept in zip(normalization.non_trainable_weights, before, strict=True):
        np.testing.assert_array_equal(value, kept)
    model.call(tf.constant(DATA), training=True)
    assert any(
        (np.array(value) != kept).any()
        for value, kept in zip(normalization.non_trainable_weights, before, strict=True)
    )


def test_a_step_moves_the_statistics_of_each_network_in_its_own_turn():
    """Momentum 1/2, examples 2, what is normalised in the generator 3, samples 0: each pass halves what was before."""
    normalization = keras.layers.BatchNormalization
    constant = {"kernel_initializer": "zeros", "trainable": False}
    generator = keras.Sequential(
        [
            keras.layers.Dense(1, **constant, bias_initializer=keras.initializers.Constant(3.0)),
            normalization(momentum=0.5),
            keras.layers.Dense(1, **constant),
        ]
    )
    discriminator = keras.Sequential([normalization(momentum=0.5), keras.layers.Dense(1)])
    model = GAN(generator, discriminator, prior=StandardNormal(1))
    still = [keras.optimizers.SGD(0.0) for _ in range(2)]
    model.compile(still[0], discriminator_optimizer=still[1])
    model.train_on_batch(np.full((4, 1), 2.0, np.float32))
    np.testing.assert_allclose(discriminator.layers[0].moving_mean, [0.5 * (0.5 * 2.0)], rtol=1e-6)
    np.testing.assert_allclose(generator.layers[1].moving_mean, [0.5 * 3.0], rtol=1e-6)


def test_each_turn_has_samples_of_its_own_and_pays_by_its_number(monkeypatch):
    """Two turns of the discriminator in a step: with `penalty_every=2` the first pays and the second does not."""
    events, drawn, draw, r1 = [], [], GAN._draw, gan.r1

    def watched(self, *arguments, **options):
        samples = draw(self, *arguments, **options)
        events.append("draw")
        drawn.append(samples.numpy())
        return samples

    monkeypatch.setattr(GAN, "_draw", watched)
    monkeypatch.setattr(gan, "r1", lambda *arguments: events.append("pay") or r1(*arguments))
    options = {"discriminator_steps": 2, "r1_penalty": 1.0, "penalty_every": 2}
    model = on_a_line("non-saturating", 0.0, 0.0, **options)
    model.run_eagerly = True
    for _ in range(2):
        model.train_on_batch(np.zeros((4, 1), np.float32))
    assert events == ["draw", "pay", "draw", "draw"] * 2
    assert len(np.unique(drawn)) == np.size(drawn)


def test_penalties_are_paid_now_and_then():
    """With a discriminator that stands still, steps 0 and 2 pay three times the slope, steps 1 and 3 nothing."""
    lone = on_a_line("wasserstein", 0.0, 0.0, r1_penalty=3.0, penalty_every=2)
    lone.discriminator.set_weights([np.array([[2.0]]), np.array([0.0])])
    x = np.zeros((4, 1), np.float32)
    plain = on_a_line("wasserstein", 0.0, 0.0)
    plain.discriminator.set_weights([np.array([[2.0]]), np.array([0.0])])
    paid = []
    for _ in range(4):
        lone.reset_metrics(), plain.reset_metrics()
        paid.append(
            lone.train_on_batch(x, return_dict=True)["discriminator_loss"]
            - plain.train_on_batch(x, return_dict=True)["discriminator_loss"]
        )
    np.testing.assert_allclose(paid, [12.0, 0.0, 12.0, 0.0], atol=1e-5)


def test_sample_weights_count_examples_and_their_samples():
    """An example of weight 0 and the sample of its row move nothing."""

    def stepped(x, weight):
        model = on_a_line("non-saturating", 0.1, 0.1)
        model.discriminator.set_weights([np.array([[0.5]]), np.array([0.1])])
        model.train_on_batch(x, sample_weight=weight)
        return np.concatenate([w.ravel() for w in model.get_weights()])

    x = np.array([[0.3], [0.1], [9.0], [-7.0]], np.float32)
    np.testing.assert_array_equal(
        stepped(x, np.array([1.0, 2.0, 0.0, 0.0])),
        stepped(np.where(abs(x) > 1, 0.5, x), np.array([1.0, 2.0, 0.0, 0.0])),
    )


def test_sample_weights_count_the_generators_samples():
    """Under a discriminator that stands still: weights that are doubled double the step, and none is no step."""

    def moved(weight):
        model = on_a_line("non-saturating", 0.1, 0.0)
        model.discriminator.set_weights([np.array([[0.5]]), np.array([0.1])])
        model.train_on_batch(np.zeros((4, 1), np.float32), sample_weight=np.float32(weight))
        return float(model.generator_network.theta[0])

    once, twice, first, others = map(moved, ([1, 1, 1, 1], [2, 2, 2, 2], [1, 0, 0, 0], [0, 1, 1, 1]))
    assert abs(once) > 1e-3 and twice == pytest.approx(2 * once, rel=1e-5)
    assert first + others == pytest.approx(once, rel=1e-5) and moved([0, 0, 0, 0]) == 0.0


def test_metrics_are_means_of_both_players():
    model = small("maximum-likelihood")
    history = model.fit(DATA, epochs=1, batch_size=30, verbose=0, validation_data=DATA).history
    names = [
        "loss",
        "discriminator_loss",
        "real_output",
        "fake_output",
        "output_gradient",
        "effective_sample_size",
    ]
    assert set(history) == {*names, *(f"val_{name}" for name in names)}
    assert 0 < history["effective_sample_size"][0] <= 1 and 0 < history["real_output"][0] < 1


def test_samples_are_a_function_of_the_seed_and_their_number():
    model = small()
    samples = model.sample(7, seed=3)
    np.testing.assert_array_equal(samples, model.sample(9, seed=3)[:7])
    assert (np.array(samples) != np.array(model.sample(7, seed=4))).any()
    assert model.discriminate(DATA).shape == (60,) and model.decode(
        np.zeros((4, 2, 3), np.float32)
    ).shape == (4, 2, 2)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"cost": "least-squares"}, "unknown cost; expected one of minimax"),
        ({"discriminator_steps": 0}, "discriminator_steps"),
        ({"gradient_penalty": -1.0}, "gradient_penalty"),
        ({"observation_scale": 0.0}, "observation_scale"),
        ({"discriminator": keras.layers.Dense(2)}, r"one number for each example; .*received shape \[B, 2\]"),
        ({"prior": keras.layers.Dense(2)}, "prior is of the wrong kind"),
    ],
)
def test_bad_arguments_are_one_line(options, says):
    arguments = {
        "generator": Shift(),
        "discriminator": keras.layers.Dense(1),
        "prior": StandardNormal(1),
    } | options
    with pytest.raises(UserError, match=says) as caught:
        GAN(**arguments)
    assert "\n" not in str(caught.value)


def test_one_optimiser_for_both_is_refused():
    model = GAN(Shift(), keras.layers.Dense(1), prior=StandardNormal(1))
    adam = keras.optimizers.Adam()
    with pytest.raises(UserError, match="two networks have the same optimiser"):
        model.compile(adam, discriminator_optimizer=adam)


def test_without_a_scale_a_game_is_no_density():
    with pytest.raises(UserError, match=r"no observation scale.*fit_observation_scale"):
        small().ceiling()


def test_the_average_of_the_weights_is_kept_and_loaded(tmp_path):
    """Against the recursion in NumPy; meant to kill an average that starts from 0, and running statistics left out."""
    model = small(ema=0.75)
    history = []
    for _ in range(6):
        model.train_on_batch(DATA)
        history.append(model.generator_network.get_weights())
    mean = history[0]
    for step, weights in enumerate(history[1:], 2):
        mean = [a + max(0.25, 1 / step) * (w - a) for a, w in zip(mean, weights, strict=True)]
    z = np.ones((4, 3), np.float32)
    averaged = model.decode(z)
    model.uses_average = False
    plain = model.decode(z)
    model.uses_average = True
    model.save(tmp_path / "gan.keras")
    copy = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(copy.sample(5, 1), model.sample(5, 1))
    np.testing.assert_array_equal(copy.decode(z), averaged)
    for game in (model, copy):
        game.train_on_batch(DATA)
    np.testing.assert_array_equal(copy.decode(z), model.decode(z))
    model.uses_average = False
    model.generator_network.set_weights(mean)
    np.testing.assert_allclose(averaged, model.decode(z), rtol=1e-4, atol=1e-6)
    assert np.abs(averaged - plain).max() > 1e-4


def test_all_but_training_steps_follow_the_weights_that_are_chosen():
    """Meant to kill a graph that was traced with the other weights, and training steps that take the average."""
    model, other = (small(ema=0.9, observation_scale=1.0) for _ in range(2))
    other.uses_average = False
    for game in (model, other):
        game.fit(DATA, batch_size=20, epochs=3, shuffle=False, verbose=0)
    trained = zip(model.get_weights(), other.get_weights(), strict=True)
    assert all(np.array_equal(ours, theirs) for ours, theirs in trained)
    found = []
    for uses_average in (True, False, True):
        model.uses_average = uses_average
        loss = model.evaluate(DATA, verbose=0, return_dict=True)["loss"]
        found.append(
            [
                float(loss),
                *evaluation.ais(model, DATA[:2], 3, 2).log_prob,
                *model.sample(1, seed=2).numpy()[0],
            ]
        )
    assert found[0] == found[2] and not set(found[0]) & set(found[1])
