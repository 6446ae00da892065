"""DRAW: its bound and its gradients against the recursion written out, and what its public methods mean.

Mutations, each seen to break a test here: the canvas replaced instead of added to, the error of the canvas after the
step, the encoder blind to the decoder, q's parameters of the sampling pass beside detached latents, total derivatives
for an estimator that is not automatic.
"""

import functools

import numpy as np
import pytest
import tensorflow as tf
from kit import step_gradients
from kit.images import one_line
from kit.stats import assert_mean_close

import tfvae
from tfvae import presets, random
from tfvae.checks import UserError
from tfvae.distributions import Bernoulli, Normal
from tfvae.distributions.head import tfd

K, T, SIZE = 3, 2, 2
X = (np.random.default_rng(2).random((2, 3, 4, 1)) < 0.5).astype(np.float32)
WINDOWS = {"whole": {}, "attention": {"read_window": 2, "write_window": 3}}


def build(windows="whole", **options):
    model = tfvae.DRAW(
        likelihood=Bernoulli((3, 4, 1), linear=False),
        **{"steps": T, "step_latent_size": SIZE, "units": 3, "seed": 4} | WINDOWS[windows] | options,
    )
    return step_gradients.randomized(model, 0.5)


def names(model):
    """Returns variables by name: of q alone, of the decoder, which q shares, and of the likelihood's own."""
    alone = [model.encoder, model.step_head, *([model.reader] if model.reader else [])]
    owner = {id(v): "posterior" for layer in alone for v in layer.trainable_variables}
    return {f"{owner.get(id(v), 'shared')} {i}": v for i, v in enumerate(model.trainable_variables)}


def written_out(model, x, noise, given=None):
    """log p(x|z), log p(z), log q(z|x), the divergences' sum and z: z_t = loc + scale noise[:, t], or `given`."""
    latents = []
    flat = tf.reshape(x, [len(x), -1])
    state_enc = state_dec = (tf.zeros((len(x), 3)), tf.zeros((len(x), 3)))
    canvas, log_p, log_q, divergence = tf.zeros_like(x), 0.0, 0.0, 0.0
    normal = tfd.Normal(0.0, 1.0)
    offset = model.likelihood_head.logits_layer.bias
    for t in range(T):
        error = x - tf.sigmoid(canvas + offset)
        if model.reader is None:
            seen = tf.concat([flat, tf.reshape(error, [len(x), -1])], -1)
        else:
            where = model.reader(state_dec[0])
            patches = [model.reader.read(where, image)[:, :, 0] for image in (x, error)]
            seen = tf.reshape(tf.stack(patches, axis=2), [len(x), -1])
        state_enc = model.encoder(tf.concat([seen, state_dec[0]], -1), state_enc)
        loc, scale = model.step_head(state_enc[0])
        q = tfd.Normal(loc, scale)
        z = loc + scale * noise[:, t] if given is None else given[t]
        latents.append(z)
        log_q += tf.reduce_sum(q.log_prob(z), -1)
        log_p += tf.reduce_sum(normal.log_prob(z), -1)
        divergence += tf.reduce_sum(tfd.kl_divergence(q, normal), -1)
        state_dec = model.decoder(z, state_dec)
        patch = model.patch(state_dec[0])
        if model.writer is None:
            canvas += tf.reshape(patch, [-1, 3, 4, 1])
        else:
            canvas += model.writer.write(model.writer(state_dec[0]), tf.reshape(patch, [-1, 3, 1, 3]))
    likelihood = tfd.Bernoulli(logits=canvas + offset)
    return tf.reduce_sum(likelihood.log_prob(x), [1, 2, 3]), log_p, log_q, divergence, latents


def naive_gradients(model, step, kind):
    noise = random.PhiloxNoise(random.fold(model.seed, "train", tf.constant(step)), len(X))
    draw = tf.reshape(noise.normal("posterior", K, T * SIZE), [K * len(X), T, SIZE])
    with tf.GradientTape() as tape:
        log_likelihood, log_p, log_q, divergence, _ = written_out(
            model, tf.constant(np.tile(X, (K, 1, 1, 1))), draw
        )
        elbo = log_likelihood - divergence if kind == "elbo-analytic" else log_likelihood + log_p - log_q
        elbo = tf.reshape(elbo, [K, len(X)])
        mean = tf.reduce_mean(tf.reduce_logsumexp(elbo, 0) - np.log(K) if kind == "iwae" else elbo)
    return tape.gradient(mean, names(model)), mean


@pytest.mark.parametrize("windows", WINDOWS)
@pytest.mark.parametrize("estimator", ["elbo", "iwae", "elbo-analytic"])
def test_gradients_are_those_of_the_bound_written_out_at_the_same_noise(estimator, windows):
    model = build(windows, estimator=estimator, num_samples=K)
    expected = functools.partial(naive_gradients, model, kind=estimator)
    step_gradients.assert_those_of(expected, model, X, names(model), 2)


@pytest.mark.slow
def test_two_passes_give_the_gradient_of_one(monkeypatch):
    model = build("attention", num_samples=K)
    one = step_gradients.sample(model, X, names(model), 2)[0]
    monkeypatch.setattr(type(model.estimator), "automatic", False)
    two = step_gradients.sample(model, X, names(model), 2)[0]
    for name, gradient in one.items():
        np.testing.assert_allclose(two[name], gradient, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["stl", "dreg"])
def test_path_gradients_are_those_of_a_model_that_is_scored_by_its_copy(estimator):
    """The path runs through the latents alone: scored by a copy whose parameters stay constant, differentiated through
    everything, with DReG's w~^2; the model gradient at fixed latents, with w~."""
    model, copy = (build("attention", estimator=estimator, num_samples=K) for _ in range(2))
    samples, _ = step_gradients.sample(model, X, names(model), 2)
    x = tf.constant(np.tile(X, (K, 1, 1, 1)))
    for step in range(2):
        noise = random.PhiloxNoise(random.fold(model.seed, "train", tf.constant(step)), len(X))
        draw = tf.reshape(noise.normal("posterior", K, T * SIZE), [K * len(X), T, SIZE])
        with tf.GradientTape() as tape:
            z = written_out(model, x, draw)[-1]
            fixed = [tf.stop_gradient(latent) for latent in z]
            explicit, scored = written_out(model, x, None, fixed), written_out(copy, x, None, z)
            log_weights = tf.reshape(scored[0] + scored[1] - scored[2], [K, len(X)])
            weight = tf.stop_gradient(tf.nn.softmax(log_weights, axis=0))
            weight, square = (weight, weight**2) if estimator == "dreg" else (1 / K, 1 / K)
            terms = weight * tf.reshape(explicit[0], [K, len(X)]) + square * log_weights
            surrogate = tf.reduce_mean(tf.reduce_sum(terms, axis=0))
        for name, gradient in tape.gradient(surrogate, names(model)).items():
            np.testing.assert_allclose(samples[name][step], gradient, rtol=1e-4, atol=1e-5, err_msg=name)


@functools.cache
def sample(estimator):
    model = build(estimator=estimator, num_samples=K)
    return step_gradients.sample(model, np.tile(X, (300, 1, 1, 1)), names(model), 100)[0]


@pytest.mark.slow
@pytest.mark.parametrize(("free", "plain"), [("stl", "elbo"), ("dreg", "iwae")])
def test_path_derivatives_alone_have_the_same_mean(free, plain):
    for name, values in sample(plain).items():
        gap = sample(free)[name] - values
        assert_mean_close(gap, 0.0, smallest_bug=0.1, name=f"{free} {name}")
        assert not name.startswith("posterior") or np.abs(gap).max() > 1e-3


@pytest.mark.parametrize("windows", WINDOWS)
def test_the_public_methods_follow_the_means(windows):
    model = build(windows)
    codes = model.encode(X)
    assert codes.shape == (2, T * SIZE) and model.latent_size == T * SIZE
    means, _ = model.posterior_parameters(X)
    log_likelihood, _, log_q, *_ = written_out(model, tf.constant(X), np.zeros((2, T, SIZE), np.float32))
    np.testing.assert_allclose(model.likelihood(codes).log_prob(X), log_likelihood, rtol=1e-5)
    np.testing.assert_allclose(model.posterior(X).log_prob(means), log_q, rtol=1e-5)
    images, edges = model.canvases(codes)
    assert images.shape == (2, T, 3, 4, 1)
    np.testing.assert_allclose(images[:, -1], model.reconstruct(X), rtol=1e-5)
    assert (edges is None) == (windows == "whole")
    assert np.abs(images[:, 0] - images[:, 1]).max() > 1e-3


def test_the_offset_is_the_first_canvas():
    model = tfvae.DRAW(likelihood=Bernoulli((3, 4, 1), linear=False), steps=1, step_latent_size=1, units=2)
    model.build()
    model.likelihood_head.initialize_bias(np.full((3, 4, 1), 0.2))
    model.patch.kernel.assign(tf.zeros_like(model.patch.kernel))
    np.testing.assert_allclose(model.sample(2, seed=0), np.full((2, 3, 4, 1), 0.2), rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"steps": 0}, "steps is not a positive integer"),
        ({"step_latent_size": 0}, "step_latent_size is not a positive integer"),
        ({"units": 0}, "units is not a positive integer"),
        ({"read_window": 4}, "window is larger than the image; expected a size from 1 to 3; received 4"),
        ({"write_window": 0}, "size of an attention window is not a positive integer"),
        ({"likelihood": Normal(12, linear=False), "read_window": 2}, "needs images"),
        (
            {"likelihood": Bernoulli((3, 4, 1))},
            r"expected Bernoulli\(..., linear=False\).*; received Bernoulli",
        ),
        ({"likelihood": "bernoulli"}, "likelihood is of the wrong kind"),
        *(
            ({"estimator": name, "num_samples": 2}, f"{name} trains q.* they share parameters here")
            for name in ("rws", "rws-dreg", "piwae", "iwae-stl")
        ),
    ],
    ids=lambda item: next(iter(item)) if isinstance(item, dict) else "",
)
def test_bad_input_is_one_line(options, says):
    with pytest.raises(UserError, match=says) as caught:
        tfvae.DRAW(
            **{"likelihood": Bernoulli((3, 4, 1), linear=False), "steps": 2, "step_latent_size": 1} | options
        )
    assert len(one_line(caught)) < 300


def test_a_preset_for_small_images():
    model = presets.create("draw", image_shape=(8, 8, 1), steps=2, latent_size=3, widths=(5,), write_window=4)
    assert model.event_shape == (8, 8, 1) and model.latent_size == 6 and model.units == 5
    with pytest.raises(UserError, match="larger than the image"):
        presets.create("draw", image_shape=(4, 8, 1))
    with pytest.raises(UserError, match="one width"):
        presets.create("draw", widths=(5, 5))


def test_the_posterior_is_scored_for_a_number_of_latents_that_is_not_known():
    model = build()
    z = tf.random.stateless_normal([5, 2, model.latent_size], (1, 2))
    scored = tf.function(
        lambda latents: model.log_posterior(tf.constant(X), (), (latents,)),
        input_signature=[tf.TensorSpec([None, None, model.latent_size])],
    )
    np.testing.assert_allclose(scored(z), model.log_posterior(tf.constant(X), (), (z,)), rtol=1e-5)
