"""Whatever reaches a likelihood or a network is checked there: whatever the container, the method and the fault.

Written against these mutations: the check left out of training, of evaluation, of prediction or of a public
method; NaN let through; the step not waiting for the check, so that a bad batch trains; the first bad example's place
counted from the second one; a weight below zero let through; shapes checked where the graph knows them alone.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae import VAE
from tfvae.checks import UserError
from tfvae.distributions import Bernoulli, CategoricalPixels, DiagonalNormal, Normal
from tfvae.networks import MLP

ROWS, SIZE = 5, 4
GOOD = (np.random.default_rng(0).random((ROWS, SIZE)) < 0.5).astype(np.float32)


def spoilt(value, dtype=np.float32):
    x = GOOD.astype(dtype)
    x[2, 1] = x[4, 3] = value
    return x


OUTSIDE = "outside the support of a Bernoulli likelihood; expected values in .0, 1.; received minimum {}, maximum {}: "
FAULTS = {
    "below": (spoilt(-1.0), OUTSIDE.format(-1, 1) + "2 values do not fit, the first -1 in example 2"),
    "above": (spoilt(255.0), OUTSIDE.format(0, 255) + "2 values do not fit, the first 255 in example 2"),
    "NaN": (spoilt(np.nan), "x holds 2 numbers that are NaN or infinite; .* received nan in example 2"),
    "infinite": (spoilt(-np.inf), "x holds 2 numbers .* received -inf in example 2"),
    "double": (spoilt(1e300, np.float64), "x holds 2 numbers .* received inf in example 2"),
    "integers": (
        GOOD.astype(np.int32),
        "x does not hold floating-point numbers; expected float32; received int32",
    ),
    "width": (np.zeros((ROWS, 3), np.float32), "x has the wrong shape; expected .B, 4.; received .*3"),
    "rank": (np.zeros((ROWS, 2, 2), np.float32), "x has the wrong shape; expected .B, 4.; received .*2, 2"),
}


class Batches(keras.utils.PyDataset):
    def __init__(self, *batch):
        super().__init__()
        self.batch = batch

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.batch


def generator(*batch):
    yield batch


CONTAINERS = {
    "array": lambda x: x,
    "tensor": tf.constant,
    "data set": lambda x: tf.data.Dataset.from_tensors(x),
    "data set of unknown shape": lambda x: tf.data.Dataset.from_generator(
        lambda: iter([x]), output_signature=tf.TensorSpec(None, x.dtype)
    ),
    "PyDataset": lambda x: Batches(x),
    "generator": lambda x: generator(x),
}
GOOD_SET = tf.data.Dataset.from_tensors(GOOD)
OVER_CONTAINERS = {
    "fit": lambda model, x: model.fit(x, shuffle=False, verbose=0),
    "evaluate": lambda model, x: model.evaluate(x, verbose=0),
    "predict": lambda model, x: model.predict(x, verbose=0),
}
OF_A_BATCH = {
    "train_on_batch": lambda model, x: model.train_on_batch(x),
    "test_on_batch": lambda model, x: model.test_on_batch(x),
    "predict_on_batch": lambda model, x: model.predict_on_batch(x),
    "call": lambda model, x: model(x),
    "encode": lambda model, x: model.encode(x),
    "posterior": lambda model, x: model.posterior(x),
    "reconstruct": lambda model, x: model.reconstruct(x),
    "log_weights": lambda model, x: model.log_weights(x, 2),
    "elbo": lambda model, x: model.elbo(x),
    "iwelbo": lambda model, x: model.iwelbo(x),
}


def create(likelihood=None, **compiled):
    keras.utils.set_random_seed(1)
    likelihood = Bernoulli(SIZE) if likelihood is None else likelihood
    model = VAE(MLP([3], "tanh"), MLP([3], "tanh"), posterior=DiagonalNormal(2), likelihood=likelihood)
    model.compile(keras.optimizers.SGD(0.1), **compiled)
    return model


@pytest.fixture(scope="module")
def model():
    """A model whose functions are traced for good data, and one whose shapes differed, which relaxes them."""
    built = create()
    for use in (*OVER_CONTAINERS.values(), *OF_A_BATCH.values()):
        use(built, GOOD)
    built.fit(GOOD[:3], verbose=0)
    built.predict(GOOD[:3], verbose=0)
    return built


def refuses(model, use, message):
    """The one line of the error, which leaves the weights as they were."""
    before = model.get_weights()
    with pytest.raises(UserError, match=message) as told:
        use()
    assert "\n" not in str(told.value) and told.value.__cause__ is None
    assert told.value.__context__ is None or told.value.__suppress_context__
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def pairs():
    """Methods, containers and faults: each two of them together in every run of the tests, all three nightly."""
    for turn, method in enumerate(OVER_CONTAINERS):
        for row, container in enumerate(CONTAINERS):
            for column, fault in enumerate(FAULTS):
                always = (row + column + turn) % len(OVER_CONTAINERS) == 0
                yield pytest.param(method, container, fault, marks=() if always else pytest.mark.nightly)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize(("method", "container", "fault"), list(pairs()))
def test_every_container(model, method, container, fault):
    x, message = FAULTS[fault]
    refuses(model, lambda: OVER_CONTAINERS[method](model, CONTAINERS[container](x)), message)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("method", OF_A_BATCH)
def test_every_method_of_a_batch(model, method, fault):
    x, message = FAULTS[fault]
    refuses(model, lambda: OF_A_BATCH[method](model, x), message)


@pytest.mark.parametrize("container", CONTAINERS)
def test_held_out_data(model, container):
    if container == "generator":  # which Keras reads once and for all
        pytest.skip("no validation data")
    for fault in ("above", "NaN"):
        x, message = FAULTS[fault]
        held_out = CONTAINERS[container](x)
        held_out = (held_out,) if container in ("array", "tensor") else held_out
        with pytest.raises(UserError, match=message):
            model.fit(GOOD_SET, validation_data=held_out, shuffle=False, verbose=0)


def weighted(model, weights, x=GOOD, **options):
    return lambda: model.fit(
        tf.data.Dataset.from_tensors((x, x, weights)), shuffle=False, verbose=0, **options
    )


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            [1.0, -0.5, 1.0, 1.0, -2.0],
            "sample_weight holds 2 numbers .* expected finite numbers >= 0; received -0.5 in example 1",
        ),
        ([1.0, 1.0, 1.0, np.nan, 1.0], "sample_weight holds 1 numbers .* received nan in example 3"),
        ([np.inf] * 5, "sample_weight holds 5 numbers .* received inf in example 0"),
        ([1.0] * 4, "sample_weight has the wrong length; expected 5; received 4"),
        (
            np.ones((5, 2)),
            "sample_weight (is no vector of numbers|has the wrong length); .* received (.5, 2.|10)",
        ),
    ],
)
def test_sample_weights(model, weights, message):
    weights = np.float32(weights)
    refuses(model, weighted(model, weights), message)
    refuses(model, lambda: model.test_on_batch(GOOD, sample_weight=weights), message)
    unknown = tf.data.Dataset.from_generator(
        lambda: iter([(GOOD, GOOD, weights)]),
        output_signature=(*[tf.TensorSpec([None, SIZE])] * 2, tf.TensorSpec(None)),
    )
    message = "sample_weight has the wrong length" if weights.ndim > 1 else message
    refuses(model, lambda: model.fit(unknown, shuffle=False, verbose=0), message)


def test_sample_weights_of_one_column_or_of_integers_are_weights(model):
    for weights in (np.ones((5, 1), np.float32), np.array([1, 0, 2, 1, 1])):
        weighted(model, weights)()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: {"image": tf.constant(GOOD)}, "x is no array of numbers; .* received dict"),
        (lambda: tf.RaggedTensor.from_tensor(GOOD), "x is no array of numbers; .* received RaggedTensor"),
        (lambda: tf.sparse.from_dense(GOOD), "x is no array of numbers; .* received SparseTensor"),
        (
            lambda: tf.constant([["a"] * SIZE] * ROWS),
            "x does not hold floating-point numbers; .* received string",
        ),
    ],
)
def test_structures_and_other_tensors(model, make, message):
    x = make()
    for use in (
        *OVER_CONTAINERS.values(),
        *[lambda m, x: m.fit(GOOD_SET, validation_data=x, shuffle=False, verbose=0)],
    ):
        refuses_all = tf.data.Dataset.from_tensors(x)
        with pytest.raises(UserError, match=message) as told:
            use(model, refuses_all)
        assert "\n" not in str(told.value)
    for name in ("encode", "log_weights", "call"):
        refuses(model, lambda name=name: OF_A_BATCH[name](model, x), message)


def test_nothing_is_no_batch(model):
    for use in (model.fit, model.evaluate, lambda: model.fit(GOOD, validation_data=(None, GOOD))):
        refuses(model, use, "x is missing; expected one array")
    for use in (model.train_on_batch, model.test_on_batch, model.predict_on_batch, model.encode, model):
        refuses(model, lambda use=use: use(None), "x is missing; expected one array")


def test_latents_are_finite(model):
    for use in (model.decode, model.likelihood):
        refuses(model, lambda use=use: use(np.float32([[0.0, np.nan]])), "z holds 1 numbers .* in example 0")


@pytest.mark.slow
def test_the_batch_is_named_and_those_before_it_have_trained():
    def batches(*parts):
        return tf.data.Dataset.from_tensor_slices(np.stack(parts))

    bad = FAULTS["above"][0]
    for compiled in ({}, {"steps_per_execution": 2}, {"jit_compile": True}, {"run_eagerly": True}):
        built, other = create(**compiled), create(**compiled)
        other.fit(batches(GOOD, GOOD), shuffle=False, verbose=0)
        where = "" if "run_eagerly" in compiled else r" .training step 3."
        with pytest.raises(
            UserError, match="the first 255 in example 2; scale the examples.*likelihood" + where + "$"
        ):
            built.fit(batches(GOOD, GOOD, bad, GOOD), shuffle=False, verbose=0)
        for now, then in zip(built.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(now, then)
        assert int(built.optimizer.iterations) == 2
    with pytest.raises(UserError, match="batch 2 of the evaluation"):
        create().evaluate(batches(GOOD, bad), verbose=0)


def test_levels_bind_the_likelihood_and_their_range_the_encoder():
    built = create(CategoricalPixels(SIZE, levels=3))
    between = np.full((2, SIZE), 0.25, np.float32)
    assert np.isfinite(built.encode(between)).all() and np.isfinite(built.predict(between, verbose=0)).all()
    message = "outside the support of a CategoricalPixels .* k / 2, k an integer from 0 to 2; .* 8 values do not fit"
    data = tf.data.Dataset.from_tensors(between)
    for use in (
        lambda x: built.fit(x, shuffle=False, verbose=0),
        built.evaluate,
        lambda x: built.log_weights(between, 2),
        lambda x: built.fit(between, verbose=0),
    ):
        refuses(built, lambda use=use: use(data), message)
    refuses(
        built, lambda: built.encode(between + 1), "outside the support of a CategoricalPixels .* in .0, 1.;"
    )


def test_any_finite_number_suits_a_normal():
    built = create(Normal(SIZE))
    built.fit(tf.data.Dataset.from_tensors(100 * GOOD - 50), shuffle=False, verbose=0)
    message = "x holds 2 numbers that are NaN or infinite"
    refuses(built, lambda: built.fit(tf.data.Dataset.from_tensors(spoilt(np.nan)), shuffle=False), message)


def test_a_function_that_a_user_traced_says_the_same_line(model):
    with pytest.raises(tf.errors.InvalidArgumentError, match="UserError: x holds 2 numbers that are NaN"):
        tf.function(lambda x: model.elbo(x, seed=1), autograph=False)(tf.constant(spoilt(np.nan)))
