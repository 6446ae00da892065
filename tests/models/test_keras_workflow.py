"""The models do what a Keras user expects of fit, evaluate, predict, callbacks, weights and bad input.

Mutations, each seen to break a test here: sample weights not entering the gradient, or dividing by their sum in place
of the batch's size; regularisation left out of the gradient; `evaluate` not starting its noise anew; warm-up or free
bits left in `test_step`; noise not folded with the step.
"""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.checks import UserError
from tfvae.distributions import DiagonalNormal, Normal
from tfvae.networks import MLP

SIZE, LATENT = 4, 2
X = np.random.default_rng(0).standard_normal((12, SIZE)).astype(np.float32)
FIGURES = {"loss", "bound", "rate", "distortion"}


def create(model=tfvae.VAE, *, encoder=None, learning_rate=0.1, eager=True, compiled=None, **options):
    """A compiled model with plain gradient steps; eager, as tracing costs more than these steps."""
    keras.utils.set_random_seed(1)
    encoder = MLP([5], "tanh") if encoder is None else encoder
    heads = {"posterior": DiagonalNormal(LATENT), "likelihood": Normal(SIZE)}
    built = model(encoder, MLP([5], "tanh"), **heads, **options)
    built.compile(keras.optimizers.SGD(learning_rate), run_eagerly=eager, **(compiled or {}))
    return built


def fit(model, *data, epochs=1, batch_size=6, shuffle=False, **options):
    return model.fit(
        *data, epochs=epochs, batch_size=batch_size, shuffle=shuffle, verbose=0, **options
    ).history


def assert_same_weights(one, other, **tolerances):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **{"rtol": 0, "atol": 0} | tolerances)


@pytest.fixture(scope="module")
def reference():
    """A model fitted on the array."""
    model = create()
    fit(model, X, epochs=2)
    return model


def test_targets_are_ignored(reference):
    model = create()
    fit(model, X, np.arange(12), epochs=2)
    assert_same_weights(model, reference)


def test_data_sets_train_as_arrays_do(reference):
    data = tf.data.Dataset.from_tensor_slices(X).batch(6)
    for either in (data, data.map(lambda x: (x, x[:, 0]))):
        model = create()
        model.fit(either, epochs=2, shuffle=False, verbose=0)
        assert_same_weights(model, reference)


def test_the_compiled_step_is_the_eager_one(reference):
    model = create(eager=False)
    fit(model, X, epochs=2)
    assert_same_weights(model, reference, atol=1e-6)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits():
    one, two, other = create(eager=False), create(eager=False), create(eager=False, seed=1)
    histories = [fit(model, X, epochs=2, shuffle=True) for model in (one, two)]
    fit(other, X, epochs=2, shuffle=True)
    assert histories[0] == histories[1]
    assert_same_weights(one, two)
    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])


def test_each_step_draws_its_own_noise():
    model = create(learning_rate=0.0)
    losses = [
        model.train_on_batch(X, return_dict=True)["distortion"]
        for _ in range(3)
        if model.reset_metrics() is None
    ]
    assert len(set(map(float, losses))) == 3


@pytest.mark.parametrize("num_samples", [1, 3])
def test_history(num_samples):
    history = fit(create(num_samples=num_samples), X, validation_data=(X, X[:, 0]))
    names = FIGURES | ({"effective_sample_size"} if num_samples > 1 else set())
    assert set(history) == names | {f"val_{name}" for name in names}
    for prefix in ("", "val_"):
        figures = {name: history[prefix + name][0] for name in names}
        assert figures["loss"] == pytest.approx(-figures["bound"])
        assert figures["bound"] == pytest.approx(-figures["rate"] - figures["distortion"], abs=1e-5)
        assert 1 <= figures.get("effective_sample_size", 1) <= num_samples


def test_validation_split():
    model, other = create(), create()
    history = fit(model, X, validation_split=0.5)
    assert history["val_bound"] == fit(other, X[:6], validation_data=(X[6:],))["val_bound"]
    assert_same_weights(model, other)


def test_evaluate_repeats_itself(reference):
    first = reference.evaluate(X, batch_size=4, return_dict=True, verbose=0)
    assert first == reference.evaluate(X, batch_size=4, return_dict=True, verbose=0)
    assert set(first) == FIGURES
    assert reference.evaluate(X, batch_size=4, verbose=0) == [first[name] for name in reference.metrics_names]


def test_batches_of_an_evaluation_have_their_own_noise(reference):
    same = np.tile(X[:1], (4, 1))
    one = reference.evaluate(same[:1], batch_size=1, return_dict=True, verbose=0)
    four = reference.evaluate(same, batch_size=1, return_dict=True, verbose=0)
    assert one["distortion"] != pytest.approx(four["distortion"], rel=1e-6)


def test_predict_is_the_mean_reconstruction(reference):
    found = reference.predict(X, batch_size=5, verbose=0)
    np.testing.assert_allclose(found, reference.decode(reference.posterior(X).mean()), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found, reference.reconstruct(X), rtol=1e-5, atol=1e-6)


def test_summary_shows_every_part_built(capsys):
    lines = []
    model = create()
    model.summary(print_fn=lines.append)
    text = "\n".join(lines)
    for part in ("mlp", "diagonal_normal", "normal", "standard_normal"):
        assert part in text
    assert "unbuilt" not in text
    assert f"Trainable params: {model.count_params():,}" in text and model.count_params() == 25 + 24 + 15 + 24


def step_of(model, x, **options):
    """The change of the weights in one step on x."""
    before = model.get_weights()
    fit(model, x, batch_size=len(x), **options)
    return [after - start for after, start in zip(model.get_weights(), before, strict=True)]


def test_sample_weights_weigh_the_gradient():
    """The loss is sum_b weight_b loss_b / batch size; row b has the same noise whatever the weights."""
    plain, first = step_of(create(), X), step_of(create(), X, sample_weight=np.r_[np.ones(6), np.zeros(6)])
    second = step_of(create(), X, sample_weight=np.r_[np.zeros(6), np.ones(6)])
    doubled = step_of(create(), X, sample_weight=np.full(12, 2.0))
    alone = step_of(create(), X[:6])
    for whole, a, b, twice, half in zip(plain, first, second, doubled, alone, strict=True):
        assert np.abs(whole).max() > 1e-3
        np.testing.assert_allclose(a + b, whole, atol=1e-6)
        np.testing.assert_allclose(twice, 2 * whole, atol=1e-6)
        np.testing.assert_allclose(
            2 * a, half, atol=1e-6
        )  # the six others are gone; the batch's size stays 12


def test_an_example_of_weight_zero_has_no_say():
    wild = X.copy()
    wild[5] = 1e4
    weights = np.ones(12)
    weights[5] = 0.0
    tame = step_of(create(), X, sample_weight=weights)
    for a, b in zip(step_of(create(), wild, sample_weight=weights), tame, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-7)


def test_sample_weights_weigh_the_figures(reference):
    weights = np.r_[np.ones(6), np.zeros(6)]
    weighted = reference.evaluate(X, batch_size=12, sample_weight=weights, return_dict=True, verbose=0)
    alone = reference.evaluate(X[:6], batch_size=12, return_dict=True, verbose=0)
    for name in FIGURES - {"loss"}:
        assert weighted[name] == pytest.approx(alone[name], rel=1e-5)
    assert weighted["loss"] == pytest.approx(alone["loss"] / 2, rel=1e-5)


def test_weights_of_validation_data_count():
    weights = np.r_[np.ones(6), np.zeros(6)]
    one, two = create(learning_rate=0.0), create(learning_rate=0.0)
    weighted = fit(one, X, batch_size=12, validation_data=(X, None, weights))
    assert (
        weighted["val_distortion"] == fit(two, X, batch_size=12, validation_data=(X[:6],))["val_distortion"]
    )


def functional(**options):
    inputs = keras.Input((SIZE,))
    return keras.Model(inputs, keras.layers.Dense(5, "tanh", name="hidden", **options)(inputs))


def test_weight_regularizers_enter_loss_and_gradient():
    plain, penalised = (
        create(encoder=functional()),
        create(encoder=functional(kernel_regularizer=keras.regularizers.L2(0.3))),
    )
    penalised.set_weights(plain.get_weights())
    kernel = np.array(plain.encoder.get_layer("hidden").kernel)
    before = [model.train_on_batch(X, return_dict=True) for model in (plain, penalised)]
    assert before[1]["bound"] == pytest.approx(before[0]["bound"])
    assert before[1]["loss"] - before[0]["loss"] == pytest.approx(0.3 * np.sum(kernel**2), rel=1e-4)
    shift = np.array(penalised.encoder.get_layer("hidden").kernel) - np.array(
        plain.encoder.get_layer("hidden").kernel
    )
    np.testing.assert_allclose(shift, -0.1 * 2 * 0.3 * kernel, atol=1e-6)


@pytest.mark.parametrize("eager", [True, False])
def test_activity_regularizers_count_once_each_step(eager):
    encoder = functional(activity_regularizer=keras.regularizers.L1(0.5))
    model = create(encoder=encoder, learning_rate=0.0, eager=eager)
    model.predict(X, verbose=0)
    for _ in range(2):
        model.reset_metrics()
        figures = model.train_on_batch(X, return_dict=True)
        penalty = 0.5 * np.abs(encoder(X)).sum() / len(X)  # Keras takes the mean over the batch
        assert figures["loss"] + figures["bound"] == pytest.approx(penalty, rel=1e-4)


def test_frozen_layers_stay():
    model = create()
    model.encoder.trainable = False
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    encoder, decoder = model.encoder.get_weights(), model.decoder.get_weights()
    fit(model, X)
    np.testing.assert_array_equal(model.encoder.get_weights()[0], encoder[0])
    assert not np.array_equal(model.decoder.get_weights()[0], decoder[0])


def test_a_subclass_of_keras_model_encodes():
    class Encoder(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(5)

        def call(self, x):
            return self.dense(x)

    model = create(encoder=Encoder())
    before = model.encoder.get_weights()[0]
    fit(model, X)
    assert not np.array_equal(model.encoder.get_weights()[0], before)


def test_validation_reports_the_plain_bound():
    options = {"estimator": "elbo-analytic"}
    plain = create(**options)
    expected = plain.evaluate(X, verbose=0, return_dict=True)
    for extra in ({"kl_warmup_steps": 100}, {"free_bits": 50.0}):
        model = create(**options | extra)
        assert model.evaluate(X, verbose=0, return_dict=True) == expected
    warming = create(kl_warmup_steps=100)
    figures = warming.train_on_batch(X, return_dict=True)
    assert figures["loss"] == pytest.approx(figures["distortion"])
    assert figures["bound"] == pytest.approx(-figures["distortion"] - figures["rate"], abs=1e-5)
    freed = create(free_bits=50.0, **options).train_on_batch(X, return_dict=True)
    assert freed["loss"] == pytest.approx(freed["distortion"] + 50.0 * LATENT)


def test_warm_up_is_linear_and_ends():
    model = create(kl_warmup_steps=4, learning_rate=0.0)
    weights = []
    for _ in range(6):
        weights.append(float(model.current_kl_weight()))
        model.train_on_batch(X)
    assert weights == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]


def test_callbacks(tmp_path):
    model = create()
    seen = []
    callbacks = [
        keras.callbacks.EarlyStopping(
            "val_bound", mode="max", patience=1, min_delta=1e9, restore_best_weights=True
        ),
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="val_loss", save_best_only=True),
        keras.callbacks.ModelCheckpoint(tmp_path / "last.weights.h5", save_weights_only=True),
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.01 / (1 + epoch)),
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda _, logs: seen.append(float(model.optimizer.learning_rate))
        ),
    ]
    history = fit(model, X, epochs=9, validation_data=(X,), callbacks=callbacks)
    assert len(history["loss"]) == 2
    assert seen == pytest.approx([0.01, 0.005])
    best = keras.saving.load_model(tmp_path / "best.keras")
    assert min(history["val_loss"]) == pytest.approx(
        best.evaluate(X, batch_size=6, verbose=0, return_dict=True)["loss"], rel=1e-5
    )
    other = create()
    other.load_weights(tmp_path / "last.weights.h5")
    assert other.predict(X, verbose=0).shape == X.shape


def test_several_steps_in_one_execution():
    one, two = create(eager=False), create(eager=False, compiled={"steps_per_execution": 2})
    fit(one, X, batch_size=3, epochs=1)
    fit(two, X, batch_size=3, epochs=1)
    assert int(two.optimizer.iterations) == 4
    assert_same_weights(one, two, atol=1e-6)


def test_training_improves_the_bound():
    model = create(learning_rate=0.05, eager=False)
    before = model.evaluate(X, verbose=0, return_dict=True)["bound"]
    fit(model, X, epochs=20)
    assert model.evaluate(X, verbose=0, return_dict=True)["bound"] > before + 0.3


def test_double_precision_is_taken_as_single(reference):
    np.testing.assert_array_equal(
        reference.predict(X.astype(np.float64), verbose=0), reference.predict(X, verbose=0)
    )
    model = create()
    fit(model, X.astype(np.float64), epochs=2)
    assert_same_weights(model, reference)


METHODS = {
    "fit": lambda model, x: model.fit(x, verbose=0),
    "evaluate": lambda model, x: model.evaluate(x, verbose=0),
    "predict": lambda model, x: model.predict(x, verbose=0),
    "call": lambda model, x: model(x),
    "posterior": lambda model, x: model.posterior(x),
    "encode": lambda model, x: model.encode(x),
    "reconstruct": lambda model, x: model.reconstruct(x),
    "log_weights": lambda model, x: model.log_weights(x, 2),
    "elbo": lambda model, x: model.elbo(x),
    "iwelbo": lambda model, x: model.iwelbo(x),
}
BAD = {
    "integers": (
        X.astype(np.int32),
        "x does not hold floating-point numbers; expected float32; received int32",
    ),
    "booleans": (X > 0, "x does not hold floating-point numbers; expected float32; received bool"),
    "width": (np.zeros((12, 3), np.float32), r"x has the wrong shape; expected \[B, 4\]; received"),
    "rank": (np.zeros((12, 2, 2), np.float32), r"x has the wrong shape; expected \[B, 4\]; received"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("method", METHODS)
def test_bad_examples_are_refused_in_one_line(method, case):
    model = create(eager=False)
    x, message = BAD[case]
    with pytest.raises(UserError, match=message) as error:
        METHODS[method](model, x)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_good_input_passes_after_bad(method):
    model = create(eager=False)
    with pytest.raises(UserError):
        METHODS[method](model, BAD["integers"][0])
    METHODS[method](model, X)


@pytest.mark.parametrize("z", [np.zeros((3, 5), np.float32), np.zeros((3, 2), np.int32), np.float32(1)])
@pytest.mark.parametrize("method", ["decode", "likelihood"])
def test_bad_latents_are_refused_in_one_line(reference, method, z):
    with pytest.raises(UserError, match=r"^z ") as error:
        getattr(reference, method)(z)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("count", [0, -1, 2.0, None, True, "3"])
def test_bad_counts_are_refused(reference, count):
    with pytest.raises(UserError, match="num_samples is not a positive integer"):
        reference.log_weights(X, count)
    with pytest.raises(UserError, match="num_samples is not a positive integer"):
        create(num_samples=count)
    with pytest.raises(UserError, match="n is not a positive integer"):
        reference.sample(count)
    if count is not None:
        with pytest.raises(UserError, match="num_samples is not a positive integer"):
            reference.iwelbo(X, count)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimator": "iwea"}, "unknown estimator; expected one of elbo, .*; received 'iwea'"),
        ({"free_bits": 1.0}, "free_bits needs .*; expected estimator \"elbo-analytic\"; received 'elbo'"),
        ({"free_bits": -1.0, "estimator": "elbo-analytic"}, "free_bits is out of range"),
        ({"free_bits": math.nan, "estimator": "elbo-analytic"}, "free_bits is out of range"),
        ({"kl_warmup_steps": 2.5}, "kl_warmup_steps is not"),
        ({"kl_warmup_steps": -1}, "kl_warmup_steps is not"),
        ({"seed": 2**31}, "seed is not a 32-bit integer"),
        ({"encoder": "mlp"}, "encoder is of the wrong kind; expected a Keras layer"),
        ({"prior": tfvae.distributions.StandardNormal(3)}, "prior and posterior differ in size"),
        ({"prior": DiagonalNormal(LATENT)}, "prior needs features"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(options, message):
    with pytest.raises(UserError, match=message) as error:
        create(**options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("head", [None, 3, keras.layers.Identity(), tfvae.distributions.Bernoulli(2)])
def test_a_posterior_must_be_a_continuous_head(head):
    with pytest.raises(UserError, match=r"^posterior "):
        tfvae.VAE(MLP([3]), MLP([3]), posterior=head, likelihood=Normal(SIZE))


@pytest.mark.parametrize("options", [{"loss": "mse"}, {"metrics": ["mae"]}])
def test_a_loss_or_metrics_are_refused(options):
    with pytest.raises(UserError, match="brings its own loss and metrics"):
        create(compiled=options)


def test_fit_and_evaluate_refuse_values_outside_the_support():
    model = tfvae.VAE(
        MLP([3]), MLP([3]), posterior=DiagonalNormal(2), likelihood=tfvae.distributions.Bernoulli(SIZE)
    )
    model.compile()
    for call in (model.fit, model.evaluate):
        with pytest.raises(UserError, match=r"outside the support of a Bernoulli .* \[0, 1\]"):
            call(np.full((4, SIZE), 255.0, np.float32), verbose=0)
    good, bad = np.zeros((4, SIZE), np.float32), np.full((4, SIZE), 255.0, np.float32)
    before = [variable.numpy() for variable in model.optimizer.variables]
    for held_out in ((bad,), (bad, None), (bad, None, np.ones(4))):
        with pytest.raises(UserError, match=r"outside the support of a Bernoulli"):
            model.fit(good, validation_data=held_out, verbose=0)
    for was, variable in zip(before, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(was, variable)


def test_values_outside_the_support_are_seen_in_a_list_too():
    model = tfvae.VAE(
        MLP([3]), MLP([3]), posterior=DiagonalNormal(2), likelihood=tfvae.distributions.Bernoulli(SIZE)
    )
    for bad, says in ((2.0, "outside the support"), (float("nan"), "NaN or infinite")):
        with pytest.raises(UserError, match=says):
            model.log_weights([[bad] * SIZE], 2)
