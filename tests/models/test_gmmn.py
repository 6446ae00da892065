"""Moment matching: the step of a generator, weights of examples, codes, and what is refused.

Written against these mutations: the root left out; examples that all count alike; samples without the
prior's map; the autoencoder trained along; codes of the autoencoder in training mode; pairs of a point with itself in
the unbiased estimate.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kit.stats import assert_mean_close

from tfvae import GMMN, Autoencoder, random
from tfvae.checks import UserError
from tfvae.comparisons.moments import MeanDiscrepancy, median_bandwidth, squared_discrepancy
from tfvae.distributions import StandardNormal, Uniform
from tfvae.networks import MLP

RNG = np.random.default_rng(0)
X = RNG.normal(0.5, 1.0, size=(12, 2)).astype(np.float32)


def linear(rate=1.0, **options):
    """A generator W z + b, of which SGD shows the gradient."""
    keras.utils.set_random_seed(0)
    model = GMMN(keras.layers.Dense(2), prior=Uniform(3), **{"bandwidths": (0.7, 3.0)} | options)
    model.compile(keras.optimizers.SGD(rate))
    return model


def latents(model, rows, step=0):
    """The latents of a training step."""
    noise = random.PhiloxNoise(random.fold(model.seed, "train", step), rows)
    return model.latents_of(model.prior_head.noise_from(noise, "generator")[0])


@pytest.mark.parametrize("options", [{}, {"root": False}, {"root": False, "unbiased": True}])
@pytest.mark.parametrize("weight", [None, np.float32([3, 1, 0, 2] * 3)])
def test_a_step_goes_down_the_slope_of_the_discrepancy(options, weight):
    model = linear(**options)
    kernel, bias = (tf.constant(w) for w in model.generator_network.get_weights())
    z = latents(model, len(X))
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        cost = MeanDiscrepancy((0.7, 3.0), **{"unbiased": False, "root": True} | options)
        real = X if weight is None else np.repeat(X, weight.astype(int), axis=0)
        value = cost(tf.constant(real), z @ kernel + bias)
        if weight is not None and options.get("unbiased"):  # where an example's copies are no pairs
            value = cost(tf.constant(X), z @ kernel + bias, tf.constant(weight))
    slope = tape.gradient(value, kernel)
    loss = model.train_on_batch(X, sample_weight=weight, return_dict=True)["loss"]
    np.testing.assert_allclose(kernel - model.generator_network.kernel, slope, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(loss, value, rtol=1e-4, atol=1e-6)
    assert np.abs(slope).max() > 1e-3


def test_weights_are_masses():
    """Doubled weights change nothing, and an example without weight may be anything."""
    y, weight = tf.constant(X[::-1] + 0.3), np.float32([1, 2, 0] * 4)
    spoilt = np.where(weight[:, np.newaxis] == 0, 50.0, X).astype(np.float32)
    for unbiased in (False, True):
        values = [
            squared_discrepancy(tf.constant(x), y, (1.0, 5.0), unbiased, tf.constant(w))
            for x, w in ((X, weight), (X, 2 * weight), (spoilt, weight))
        ]
        np.testing.assert_allclose(values[1:], [values[0]] * 2, atol=2e-5)


def test_the_unbiased_discrepancy_is_zero_at_equality():
    """Data from the generator itself, through `evaluate`, whose loss is a mean over batches."""
    model = GMMN(
        keras.layers.Identity(), prior=StandardNormal(2), bandwidths=(1.0,), unbiased=True, root=False
    )
    model.compile("sgd", run_eagerly=True)
    values = []
    for seed in range(200):
        model.reset_metrics()
        model.seed = seed
        x = np.random.default_rng(seed).normal(size=(10, 2)).astype(np.float32)
        values.append(model.test_on_batch(x, return_dict=True)["loss"])
    assert_mean_close(np.array(values), 0.0, smallest_bug=0.05)  # 2/10 of k(x, x) in the biased one


def test_the_noise_is_a_function_of_seed_step_and_example():
    def stepped(x, seed=0, steps=2):
        model = linear(0.1, seed=seed)
        for _ in range(steps):
            model.train_on_batch(x)
        return model.generator_network.get_weights()[0]

    np.testing.assert_array_equal(stepped(X), stepped(X))
    assert (stepped(X) != stepped(X, seed=1)).any()
    model = linear()
    np.testing.assert_array_equal(latents(model, 12)[:5], latents(model, 5))
    assert np.abs(latents(model, 5)[0] - latents(model, 5, step=1)[0]).max() > 0.01


def trained_autoencoder(**options):
    keras.utils.set_random_seed(1)
    model = Autoencoder(
        keras.Sequential([keras.layers.Dropout(0.3), keras.layers.Dense(1)]),
        MLP([2]),
        event_shape=2,
        **options,
    )
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(X, epochs=1, batch_size=4, verbose=0)
    return model


def test_codes_are_matched_and_the_autoencoder_stays(tmp_path):
    autoencoder = trained_autoencoder()
    before = autoencoder.get_weights()
    keras.utils.set_random_seed(0)
    model = GMMN(keras.layers.Dense(1), prior=StandardNormal(2), autoencoder=autoencoder, bandwidths=(1.0,))
    model.compile(keras.optimizers.Adam(0.01))
    z = latents(model, len(X))
    made = model.generator_network(z)
    expected = MeanDiscrepancy((1.0,))(autoencoder.encode(X), made)
    np.testing.assert_allclose(model.decode(z), autoencoder.decode(made), rtol=1e-6)
    loss = model.train_on_batch(X, return_dict=True)["loss"]
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    for now, then in zip(autoencoder.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert model.event_shape == (2,) and not autoencoder.trainable_weights
    model.save(tmp_path / "gmmn.keras")
    copy = keras.saving.load_model(tmp_path / "gmmn.keras")
    for either in (model, copy):
        either.fit(X, epochs=2, batch_size=5, verbose=0, shuffle=False)
    np.testing.assert_array_equal(copy.sample(4, seed=1), model.sample(4, seed=1))
    for mine, theirs in zip(copy.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def first_trained(steps, seed=0, encoder=None, **options):
    """A model whose first steps train its autoencoder."""
    keras.utils.set_random_seed(seed)
    autoencoder = Autoencoder(encoder or keras.layers.Dense(1), MLP([2]), event_shape=2)
    model = GMMN(
        keras.layers.Dense(1),
        prior=StandardNormal(2),
        autoencoder=autoencoder,
        autoencoder_steps=steps,
        bandwidths=(1.0,),
        **options,
    )
    model.compile(keras.optimizers.Adam(0.01), autoencoder_optimizer=keras.optimizers.Adam(0.02))
    return model


def test_the_first_steps_train_the_autoencoder_alone_and_the_others_the_generator_alone():
    alone = Autoencoder.from_config(first_trained(3).autoencoder.get_config())
    model = first_trained(3)
    alone.build()
    alone.set_weights(model.autoencoder.get_weights())
    alone.compile(keras.optimizers.Adam(0.02))
    start = model.generator_network.get_weights()
    tested = model.test_on_batch(X, return_dict=True)
    np.testing.assert_allclose(tested["loss"], alone.evaluate(X, verbose=0)[0], rtol=1e-5)
    model.reset_metrics(), alone.reset_metrics()
    for _ in range(3):
        expected = alone.train_on_batch(X, return_dict=True)
        found = model.train_on_batch(X, return_dict=True)
        for name in ("loss", "reconstruction_error"):
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-5)
        assert found["discrepancy"] > 0
        model.reset_metrics(), alone.reset_metrics()
    for now, then in zip(model.autoencoder.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(now, then, rtol=1e-5)
    trained = model.autoencoder.get_weights()
    for now, then in zip(model.generator_network.get_weights(), start, strict=True):
        np.testing.assert_array_equal(now, then)
    made = model.generator_network(latents(model, len(X), step=3))
    tested = model.test_on_batch(X, return_dict=True)
    assert tested["loss"] == tested["discrepancy"]
    model.reset_metrics()
    found = model.train_on_batch(X, return_dict=True)
    np.testing.assert_allclose(
        found["loss"], MeanDiscrepancy((1.0,))(model.autoencoder.encode(X), made), rtol=1e-5
    )
    np.testing.assert_allclose(
        found["reconstruction_error"], np.mean((model.autoencoder.reconstruct(X) - X) ** 2), rtol=1e-5
    )
    for now, then in zip(model.autoencoder.get_weights(), trained, strict=True):
        np.testing.assert_array_equal(now, then)
    assert np.abs(model.generator_network.get_weights()[0] - start[0]).max() > 0.005


def test_a_loaded_model_goes_on_in_either_stage(tmp_path):
    for done in (1, 3):
        encoder = keras.Sequential([keras.layers.Dropout(0.3), keras.layers.Dense(1)])
        model = first_trained(2, encoder=encoder)
        for _ in range(done):
            model.train_on_batch(X)
        model.save(tmp_path / "model.keras")
        copy = keras.saving.load_model(tmp_path / "model.keras")
        for either in (model, copy):
            either.fit(X, batch_size=6, epochs=1, verbose=0, shuffle=False)
        for now, then in zip(copy.weights, model.weights, strict=True):
            np.testing.assert_array_equal(now, then)
        assert [int(optimizer.iterations) for optimizer, _ in copy.optimizers().values()] == [done, 2]


def test_it_learns_a_distribution():
    """Two clusters, matched to within a few hundredths of MMD^2 between two halves of the data."""
    keras.utils.set_random_seed(0)
    x = (RNG.choice([-1.0, 1.0], size=(400, 1)) * [1.0, 0.5] + 0.1 * RNG.normal(size=(400, 2))).astype(
        np.float32
    )
    width = float(median_bandwidth(x[:200]))
    generator = keras.Sequential([MLP([32, 32], "tanh"), keras.layers.Dense(2)])
    model = GMMN(generator, prior=Uniform(2), bandwidths=(width / 16, width / 4, width))
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(x, epochs=60, batch_size=200, verbose=0)
    y = model.sample(400, seed=3)
    floor = squared_discrepancy(tf.constant(x[:200]), tf.constant(x[200:]), (width / 4,))
    assert squared_discrepancy(tf.constant(x), y, (width / 4,)) < floor + 0.02
    assert 0.3 < np.mean(y[:, 0] > 0) < 0.7


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"bandwidths": (1.0, 0.0)}, "a bandwidth is not a positive number"),
        ({"bandwidths": ()}, "a bandwidth is not a positive number"),
        ({"unbiased": True}, "unbiased MMD.2 may be negative"),
        ({"autoencoder": keras.layers.Dense(2)}, "autoencoder is of the wrong kind"),
        ({"prior": keras.layers.Dense(2)}, "prior is of the wrong kind"),
        ({"autoencoder_steps": 5}, "there is no autoencoder to train"),
        ({"autoencoder_steps": -1}, "autoencoder_steps is not"),
        (
            {"generator": MLP([3]), "autoencoder": True},
            r"codes of the autoencoder; expected \[B, 1\]; received \[B, 3\]",
        ),
    ],
)
def test_bad_arguments_are_one_line(options, says):
    if options.get("autoencoder") is True:
        options = options | {"autoencoder": trained_autoencoder()}
    with pytest.raises(UserError, match=says) as caught:
        GMMN(**{"generator": keras.layers.Dense(2), "prior": Uniform(2)} | options)
    assert "\n" not in str(caught.value)


def test_it_may_generate_by_an_average_of_its_weights(tmp_path):
    """After one step the average is the weights; after two, with decay 0.5, their mean, and g is linear in them."""
    model, z = linear(ema=0.5), np.ones((2, 3), np.float32)
    made = []
    for _ in range(2):
        model.train_on_batch(X)
        model.uses_average = False
        made.append(model.decode(z))
        model.uses_average = True
    np.testing.assert_allclose(model.decode(z), (made[0] + made[1]) / 2, rtol=1e-5)
    assert np.abs(made[1] - made[0]).max() > 1e-2
    model.save(tmp_path / "gmmn.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "gmmn.keras").decode(z), model.decode(z))


def test_what_training_refuses():
    with tf.distribute.MirroredStrategy(["cpu:0"]).scope():
        linear()
    model = linear(unbiased=True, root=False)
    with pytest.raises(UserError, match="needs pairs of examples; expected 2 or more in a batch; received 1"):
        model.fit(X, batch_size=11, verbose=0, shuffle=False)
    with pytest.raises(UserError, match="no autoencoder is trained here"):
        model.compile("adam", autoencoder_optimizer="adam")
    one = keras.optimizers.Adam()
    with pytest.raises(UserError, match="the same optimiser"):
        first_trained(1).compile(one, autoencoder_optimizer=one)
    with pytest.raises(UserError, match="does not know yet what an example is"):
        GMMN(MLP([1]), prior=Uniform(2), autoencoder=Autoencoder(MLP([1]), MLP([2])))
