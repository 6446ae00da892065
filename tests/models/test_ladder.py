"""Top-down inference: its combination, its gradients where q shares the parameters of p, and the exact posterior.

Mutations, each seen to break a test here: variances added instead of precisions, the share of the other side, the
score term without the shared parameters, p(z_1|z_2) at the mean of z_2.
"""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from kit import step_gradients
from kit.images import one_line
from scipy import stats as distributions_of

import tfvae
from tfvae import evaluation, random
from tfvae.checks import UserError
from tfvae.distributions import DiagonalNormal, FullCovarianceNormal, Normal, StandardNormal
from tfvae.distributions.head import tfd
from tfvae.models.ladder import combine

K, X = 3, np.random.default_rng(2).normal(size=(2, 3)).astype(np.float32)


def identity():
    return keras.layers.Identity()


def build(**options):
    """A model of 2 latents under 3 pixels and 1 above, at random."""
    model = tfvae.LadderVAE(
        [identity(), keras.layers.Dense(2, "tanh")],
        [identity(), identity()],
        posteriors=[DiagonalNormal(2), DiagonalNormal(1)],
        conditionals=[DiagonalNormal(2)],
        likelihood=Normal(3, scale=0.8),
        **{"seed": 4} | options,
    )
    return step_gradients.randomized(model, 0.3)


def parts(model):
    """Returns variables by name: of p(x|z_1), of p(z_1|z_2), which q shares, and of q alone."""
    owner = {id(v): "likelihood" for v in model.likelihood_head.trainable_variables}
    owner |= {id(v): "shared" for v in model.conditional_heads[0].trainable_variables}
    return {f"{owner.get(id(v), 'posterior')} {i}": v for i, v in enumerate(model.trainable_variables)}


def test_combine_multiplies_densities():
    first, second = tfd.Normal(0.4, 0.7), tfd.Normal(-1.1, 0.3)
    loc, scale = combine((first.loc, first.scale), (second.loc, second.scale))
    z = tf.linspace(-2.0, 2.0, 9)
    gap = first.log_prob(z) + second.log_prob(z) - tfd.Normal(loc, scale).log_prob(z)
    np.testing.assert_allclose(gap, tf.repeat(gap[:1], 9), atol=1e-5)


def test_combine_has_the_gradient_of_its_formula():
    first = tf.constant([0.7, 0.7, 1e-22, 1.0])
    second = tf.constant([0.3, 0.7, 1.0, 1e22])
    with tf.GradientTape() as tape:
        tape.watch([first, second])
        scale = combine((tf.zeros(4), first), (tf.ones(4), second))[1]
    cubes = [(side / np.hypot(first, second)) ** 3 for side in (second.numpy(), first.numpy())]
    for found, exact in zip(tape.gradient(scale, [first, second]), cubes, strict=True):
        np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-20)


@pytest.mark.parametrize("narrow", [1e-6, 1e-18, 1e-25])
def test_combine_with_very_unequal_scales(narrow):
    for pair in (((2.0, narrow), (5.0, 1.0)), ((5.0, 1.0), (2.0, narrow))):
        loc, scale = combine(*[tuple(map(tf.constant, item)) for item in pair])
        np.testing.assert_allclose([loc, scale], [2.0, narrow], rtol=1e-6)


def naive_gradients(model, step, multi_sample):
    """The bound written out at the noise of a step, and differentiated through everything."""
    x = tf.constant(X)
    noise = random.PhiloxNoise(random.fold(model.seed, "train", tf.constant(step)), len(X))
    with tf.GradientTape() as tape:
        m1, s1 = model.posterior_heads[0](x)
        m2, s2 = model.posterior_heads[1](model.encoders[1](x))
        z2 = m2 + s2 * noise.normal("posterior1", K, 1)
        m, s = (tf.reshape(t, [K, 2, 2]) for t in model.conditional_heads[0](tf.reshape(z2, [-1, 1])))
        precision = s1**-2 + s**-2
        q1 = tfd.Normal((m1 * s1**-2 + m * s**-2) / precision, precision**-0.5)
        z1 = q1.loc + q1.scale * noise.normal("posterior", K, 2)
        loc = tf.reshape(model.likelihood_head(tf.reshape(z1, [-1, 2]))[0], [K, 2, 3])
        terms = [(tfd.Normal(loc, 0.8), x, 1), (tfd.Normal(m, s), z1, 1), (tfd.Normal(0.0, 1.0), z2, 1)]
        terms += [(q1, z1, -1), (tfd.Normal(m2, s2), z2, -1)]
        log_weights = sum(sign * tf.reduce_sum(d.log_prob(value), -1) for d, value, sign in terms)
        bound = tf.reduce_logsumexp(log_weights, 0) - np.log(K) if multi_sample else log_weights
        mean = tf.reduce_mean(bound)
    return tape.gradient(mean, parts(model)), mean


@pytest.mark.parametrize("estimator", ["elbo", "iwae"])
def test_gradients_are_those_of_the_bound_written_out_at_the_same_noise(estimator):
    model = build(estimator=estimator, num_samples=K)
    expected = functools.partial(naive_gradients, model, multi_sample=estimator == "iwae")
    step_gradients.assert_those_of(expected, model, X, parts(model), 2)


@functools.cache
def sample(estimator):
    model = build(estimator=estimator, num_samples=K)
    return step_gradients.sample(model, np.tile(X, (500, 1)), parts(model), 100)[0]


@pytest.mark.slow
@pytest.mark.parametrize(("free", "plain"), [("stl", "elbo"), ("dreg", "iwae")])
def test_path_derivatives_alone_have_the_same_mean(free, plain):
    step_gradients.assert_same_mean(sample(free), sample(plain), equal="likelihood")


def test_the_exact_posterior_of_a_linear_gaussian_ladder_is_reached():
    """x = w z_1 + b + s e_0, z_1 = v z_2 + d + r e_1: q(z_1|z_2, x) combines (x - b) / w +- s / w with p(z_1|z_2)."""
    w, b, s, v, d, r = 0.7, 0.2, 0.5, -1.3, 0.4, 0.6
    model = tfvae.LadderVAE(
        [identity(), identity()],
        [identity(), identity()],
        posteriors=[DiagonalNormal(1), DiagonalNormal(1)],
        conditionals=[DiagonalNormal(1)],
        likelihood=Normal(1, scale=s),
    )
    model.build()
    variance = w**2 * (v**2 + r**2) + s**2  # of x; its covariance with z_2 is w v
    gain = w * v / variance
    for head, slope, offset, scale in (
        (model.posterior_heads[0], 1 / w, -b / w, s / w),
        (model.posterior_heads[1], gain, -gain * (w * d + b), np.sqrt(1 - gain * w * v)),
        (model.conditional_heads[0], v, d, r),
    ):
        head.loc_layer.linear.set_weights([np.full((1, 1), slope), np.full(1, offset)])
        head.scale_layer.linear.set_weights([np.zeros((1, 1)), np.full(1, np.log(scale))])
    model.likelihood_head.loc_layer.linear.set_weights([np.full((1, 1), w), np.full(1, b)])
    x = np.linspace(-2, 2, 5, dtype=np.float32)[:, np.newaxis]
    exact = distributions_of.norm(w * d + b, np.sqrt(variance)).logpdf(x[:, 0])
    result = evaluation.log_marginal(model, x, num_samples=20)
    np.testing.assert_allclose(result.log_prob, exact, atol=1e-4)
    np.testing.assert_allclose(result.effective_sample_size, 20, atol=1e-3)


def test_the_posterior_is_that_at_the_means_above():
    model = build()
    m1, s1 = model.posterior_heads[0](X)
    m2, _ = model.posterior_heads[1](model.encoders[1](X))
    m, s = model.conditional_heads[0](m2)
    precision = s1**-2 + s**-2
    np.testing.assert_allclose(model.encode(X), (m1 * s1**-2 + m * s**-2) / precision, rtol=1e-5)
    np.testing.assert_allclose(model.posterior(X).stddev(), precision**-0.5, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"posteriors": [DiagonalNormal(2)], "conditionals": []}, "layers do not fit each other"),
        ({"posteriors": [FullCovarianceNormal(2), DiagonalNormal(1)]}, "posterior 1 has no precision"),
        ({"conditionals": [FullCovarianceNormal(2)]}, "conditional 1 has no precision"),
        ({"prior": StandardNormal(3)}, "prior and posterior differ"),
        ({"estimator": "elbo-analytic"}, "no closed form"),
        *(
            (
                {"estimator": name, "num_samples": 2},
                f"{name} trains q.* share parameters here; expected one of elbo,",
            )
            for name in ("rws", "rws-dreg", "piwae", "iwae-stl")
        ),
    ],
)
def test_bad_input_is_one_line(options, says):
    heads = {"posteriors": [DiagonalNormal(2), DiagonalNormal(1)], "conditionals": [DiagonalNormal(2)]}
    with pytest.raises(UserError, match=says) as caught:
        tfvae.LadderVAE([identity()] * 2, [identity()] * 2, likelihood=Normal(3), **heads | options)
    assert len(one_line(caught)) < 300


def test_a_ladder_has_two_layers():
    with pytest.raises(UserError, match="several layers"):
        tfvae.LadderVAE(
            [identity()], [identity()], posteriors=[DiagonalNormal(2)], conditionals=[], likelihood=Normal(3)
        )
