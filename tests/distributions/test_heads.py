"""Every head against the TFP distribution that it stands for, and what it makes of features and bad arguments.

Mutations, each seen to break a test here: the constant log(2 pi) / 2 left out; a scale for a variance; L^T for L in
`sample` or `log_prob`; the mean over an event in place of the sum; `noise > probability` in Bernoulli's `sample`.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from kit.stats import assert_mean_close

from tfvae.checks import UserError
from tfvae.distributions import Bernoulli, DiagonalNormal, FullCovarianceNormal, Normal, StandardNormal

tfd = tfp.distributions
RNG = np.random.default_rng(0)
K, B, FEATURES = 3, 4, 5
EVENT = (2, 3)

HEADS = {
    "diagonal": lambda: DiagonalNormal(3),
    "diagonal-softplus": lambda: DiagonalNormal(3, scale="softplus"),
    "full": lambda: FullCovarianceNormal(3),
    "bernoulli": lambda: Bernoulli(EVENT),
    "bernoulli-scalar": lambda: Bernoulli(()),
    "normal": lambda: Normal(EVENT, scale=0.4),
    "normal-learned": lambda: Normal(EVENT, scale="learned"),
}


@pytest.mark.parametrize("head", [Bernoulli(EVENT, linear=False), Normal(EVENT, linear=False)])
def test_a_head_that_is_not_linear_adds_an_offset(head):
    """Kills: a kernel of ones, an offset that is lost in half precision."""
    features = RNG.standard_normal((B, 6)).astype(np.float32) + 100.0
    head(features)
    assert [variable.shape for variable in head.trainable_variables] == [EVENT]
    offset = RNG.standard_normal(EVENT).astype(np.float32)
    head.trainable_variables[0].assign(offset)
    np.testing.assert_array_equal(head(features)[0], features.reshape(B, *EVENT) + offset)
    again = type(head).from_config(head.get_config() | {"dtype": "mixed_float16"})
    again(features)
    again.set_weights(head.get_weights())
    np.testing.assert_array_equal(again(features)[0], head(features)[0])
    head.initialize_bias(np.full(EVENT, 0.5))
    with pytest.raises(UserError, match="without a linear layer do not fit"):
        type(head)(EVENT, linear=False)(features[:, :5])


def tensor(*shape, low=None):
    values = RNG.standard_normal(shape).astype(np.float32)
    return tf.constant(values if low is None else np.abs(values) + low)


def create(name):
    """A head whose every weight is random, and its parameters for a batch of features."""
    head = HEADS[name]()
    head.build((None, FEATURES))
    for variable in head.trainable_variables:
        variable.assign(0.5 * RNG.standard_normal(variable.shape))
    return head, head(tensor(B, FEATURES))


def truth(name, parameters):
    """The distribution, built here from the formula in the head's docstring."""
    if "diagonal" in name:
        return tfd.Independent(tfd.Normal(*parameters), 1)
    if name == "full":
        loc, tril = (
            tf.cast(item, tf.float64) for item in parameters
        )  # the covariance squares its condition number
        return tfd.MultivariateNormalFullCovariance(loc, tril @ tf.linalg.matrix_transpose(tril))
    if "bernoulli" in name:
        return tfd.Independent(tfd.Bernoulli(logits=parameters[0], dtype=tf.float32))
    return tfd.Independent(tfd.Normal(*parameters))


def values(head, *lead):
    x = tensor(*lead, *head.event_shape)
    return tf.cast(x > 0, tf.float32) if isinstance(head, Bernoulli) else x


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("lead", [(B,), (K, B)])
def test_log_prob(name, lead):
    head, parameters = create(name)
    x = values(head, *lead)
    oracle = truth(name, parameters)
    expected = oracle.log_prob(tf.cast(x, oracle.dtype))
    assert expected.shape == lead
    np.testing.assert_allclose(head.log_prob(parameters, x), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(head.distribution(parameters).log_prob(x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", HEADS)
def test_leading_axes_of_the_parameters(name):
    head, parameters = create(name)
    lifted = tuple(tf.stack([p, p + 0.1, p + 0.2]) for p in parameters)
    x = values(head, K, B)
    found = head.log_prob(lifted, x)
    assert found.shape == (K, B)
    for k in range(K):
        row = tuple(p[k] for p in lifted)
        np.testing.assert_allclose(found[k], head.log_prob(row, x[k]), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(head.mean(lifted)[k], head.mean(row), rtol=1e-6)
    noise = tf.abs(tensor(K, B, head.noise_size)) % 1.0
    assert head.sample(lifted, noise).shape == (K, B, *head.event_shape)


@pytest.mark.parametrize("name", HEADS)
def test_mean_and_event_shape(name):
    head, parameters = create(name)
    distribution = head.distribution(parameters)
    assert distribution.batch_shape == (B,) and distribution.event_shape == head.event_shape
    np.testing.assert_allclose(head.mean(parameters), truth(name, parameters).mean(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", HEADS)
def test_sample_moments(name):
    head, parameters = create(name)
    count = 4000
    shape = (count, B, head.noise_size)
    noise = RNG.uniform(size=shape) if head.noise_kind == "uniform" else RNG.standard_normal(shape)
    x = head.sample(parameters, tf.constant(noise, tf.float32)).numpy().astype(np.float64)
    assert x.shape == (count, B, *head.event_shape)
    reference = truth(name, parameters)
    mean = reference.mean().numpy().astype(np.float64)
    assert_mean_close(x, mean, name="mean", smallest_bug=1.5)
    centred = (x - mean).reshape(count, B, -1)
    if name == "full":
        products = centred[..., :, None] * centred[..., None, :]
        assert_mean_close(products, reference.covariance().numpy().astype(np.float64), name="covariance")
    else:
        variance = np.broadcast_to(reference.variance().numpy(), mean.shape).reshape(B, -1)
        assert_mean_close(centred**2, variance.astype(np.float64), name="variance")


@pytest.mark.parametrize("name", HEADS)
def test_parameters_have_static_shapes_for_any_batch(name):
    head, _ = create(name)
    traced = tf.function(head.__call__).get_concrete_function(tf.TensorSpec([None, FEATURES], tf.float32))
    outputs = traced.structured_outputs
    assert outputs[0].shape.as_list() == [None, *head.event_shape]
    assert all(output.dtype == tf.float32 for output in outputs)


def test_factors():
    for name in ("diagonal", "diagonal-softplus"):
        head, parameters = create(name)
        factors = head.factors(parameters)
        assert factors.batch_shape == (B, 3) and factors.event_shape == ()
        x = values(head, B)
        np.testing.assert_allclose(
            tf.reduce_sum(factors.log_prob(x), -1), head.log_prob(parameters, x), rtol=1e-5
        )
    head, parameters = create("full")
    assert head.factors(parameters) is None


def test_standard_normal():
    head = StandardNormal(3)
    p = head.parameters()
    z = tensor(K, B, 3)
    expected = tfd.MultivariateNormalDiag(tf.zeros(3), tf.ones(3)).log_prob(z)
    np.testing.assert_allclose(head.log_prob(p, z), expected, rtol=1e-5)
    np.testing.assert_allclose(head.distribution(p).log_prob(z), expected, rtol=1e-5)
    np.testing.assert_array_equal(head.sample(p, z), z)
    np.testing.assert_array_equal(head.mean(p), np.zeros(3))
    np.testing.assert_allclose(tf.reduce_sum(head.factors(p).log_prob(z), -1), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("scale", "function"), [("exp", np.exp), ("softplus", lambda t: np.log1p(np.exp(t)))]
)
def test_diagonal_scale(scale, function):
    head = DiagonalNormal(2, scale=scale)
    features = tensor(B, FEATURES)
    loc, found = head(features)
    linear = head.scale_layer.linear
    np.testing.assert_allclose(found, function(features @ linear.kernel + linear.bias), rtol=1e-5)
    np.testing.assert_allclose(loc, features @ head.loc_layer.linear.kernel, rtol=1e-5, atol=1e-6)


def test_full_covariance_factor_is_lower_triangular_with_a_positive_diagonal():
    _, (_, tril) = create("full")
    np.testing.assert_array_equal(np.triu(tril.numpy(), 1), np.zeros((B, 3, 3)))
    assert (tf.linalg.diag_part(tril).numpy() > 0).all()
    assert np.abs(np.tril(tril.numpy(), -1)).max() > 0.1


@pytest.mark.parametrize("logit", [-100.0, -30.0, 0.0, 30.0, 100.0])
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_bernoulli_edges(logit, value):
    head = Bernoulli(1)
    logits = tf.constant([[logit]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        found = head.log_prob((logits,), tf.constant([[value]]))
    expected = value * logit - np.logaddexp(0, logit)
    np.testing.assert_allclose(found, [expected], rtol=1e-6, atol=1e-6)
    slope = value - 1 / (1 + np.exp(-logit))
    np.testing.assert_allclose(tape.gradient(found, logits), [[slope]], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", HEADS)
def test_gradients_are_finite_far_out(name):
    head, _ = create(name)
    features = 5 * tensor(B, FEATURES)
    with tf.GradientTape() as tape:
        tape.watch(features)
        total = tf.reduce_sum(head.log_prob(head(features), values(head, B)))
    gradients = tape.gradient(total, [features, *head.trainable_variables])
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_a_learned_scale_trains_to_the_spread_of_the_data():
    head = Normal(3, scale="learned")
    head.build((None, 1))
    assert float(head.log_scale) == 0.0 and head.log_scale.trainable
    x = 0.3 * tensor(500, 3)
    features, optimizer = tf.zeros((500, 1)), keras.optimizers.SGD(0.2)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(head.log_prob(head(features), x))
        optimizer.apply(tape.gradient(loss, [head.log_scale]), [head.log_scale])

    optimizer.build([head.log_scale])
    for _ in range(100):
        step()
    rms = np.sqrt(np.mean(np.square(x)))
    np.testing.assert_allclose(np.exp(head.log_scale), rms, rtol=1e-3)


def test_a_fixed_scale_has_no_variable():
    head, (_, scale) = create("normal")
    assert len(head.variables) == 2
    np.testing.assert_allclose(scale, np.full((B, 1, 1), 0.4), rtol=1e-6)


@pytest.mark.parametrize(
    ("head", "inverse"), [(Bernoulli(EVENT), lambda p: np.log(p / (1 - p))), (Normal(EVENT), lambda p: p)]
)
def test_initialize_bias_of_a_dense_layer(head, inverse):
    mean = RNG.uniform(0.1, 0.9, EVENT)
    head.build((None, FEATURES))
    head.initialize_bias(mean)
    np.testing.assert_allclose(head.mean(head(tf.zeros((2, FEATURES)))), np.stack([mean, mean]), rtol=1e-5)
    np.testing.assert_allclose(head.trainable_variables[1], inverse(mean).reshape(-1), rtol=1e-5)


def test_initialize_bias_clips_probabilities_of_0_and_1():
    head = Bernoulli(2)
    head.build((None, FEATURES))
    head.initialize_bias([0.0, 1.0])
    np.testing.assert_allclose(head.mean(head(tf.zeros((1, FEATURES))))[0], [0.001, 0.999], rtol=1e-4)


@pytest.mark.parametrize("kind", [Bernoulli, Normal])
def test_feature_maps_of_the_image_are_read_by_a_convolution(kind):
    head = kind((4, 6, 2))
    maps = tensor(3, 4, 6, 5)
    parameters = head(maps)
    assert parameters[0].shape == (3, 4, 6, 2)
    assert [tuple(v.shape) for v in head.trainable_variables] == [(3, 3, 5, 2), (2,)]
    head.initialize_bias(np.broadcast_to([0.2, 0.6], (4, 6, 2)))
    np.testing.assert_allclose(head.mean(head(0 * maps))[0, 0, 0], [0.2, 0.6], rtol=1e-5)
    assert kind((4, 4, 2))(maps)[0].shape == (3, 4, 4, 2)  # another size: a dense layer on the flat features


BAD = [
    *(
        lambda size=size, kind=kind: kind(size)
        for size in (0, -1, 2.5, "2", None, True)
        for kind in (DiagonalNormal, FullCovarianceNormal, StandardNormal)
    ),
    *(
        lambda shape=shape, kind=kind: kind(shape)
        for shape in (0, (2, 0), (2, -1), 2.5, (2.5,), "ab", None, True)
        for kind in (Bernoulli, Normal)
    ),
    *(
        lambda scale=scale: Normal(3, scale=scale)
        for scale in (0, -1.0, float("nan"), float("inf"), "fixed", None, True)
    ),
    lambda: DiagonalNormal(2, scale="square"),
]


@pytest.mark.parametrize("make", BAD)
def test_bad_arguments_are_refused_in_one_line(make):
    with pytest.raises(UserError) as error:
        make()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("size", [np.int64(3), 3])
def test_numpy_numbers_are_numbers(size):
    assert DiagonalNormal(size).event_shape == Bernoulli(size).event_shape == (3,)
    assert Normal((size, 2), scale=np.float32(0.5)).scale == 0.5
