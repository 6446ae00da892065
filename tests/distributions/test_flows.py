"""Flows against Jacobians, TFP's bijectors, quadrature and their own samples.

Mutations, each seen to break a test here: `<` for `<=` in a mask, the order of the units not reversed, the sign of a
log-determinant, one pass too few in the inverse, (1 - s) left out, the reflections in the wrong order, the halves of
a coupling not changing places, a short direction normalised to NaN.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from kit.stats import assert_mean_close

from tfvae.checks import UserError
from tfvae.distributions import (
    FullCovarianceNormal,
    HouseholderNormal,
    InverseAutoregressiveFlow,
    RealNVP,
    RealNVPPrior,
    StandardNormal,
    kl_divergence,
)
from tfvae.distributions.conditioner import autoregressive_masks

K, B, FEATURES = 3, 4, 5
SMALL = {"hidden_size": 7, "context_size": 2}
POSTERIORS = {
    "iaf": lambda size: InverseAutoregressiveFlow(size, steps=2, **SMALL),
    "realnvp": lambda size: RealNVP(size, couplings=3, **SMALL),
    "householder": lambda size: HouseholderNormal(size, reflections=3),
}
HEADS = POSTERIORS | {"realnvp-prior": lambda size: RealNVPPrior(size, couplings=3, hidden_size=7)}
FLOWS = [name for name in HEADS if name != "householder"]


def create(name, size=3, spread=0.8):
    """A head whose every weight is random, and its parameters."""
    rng = np.random.default_rng(size)
    keras.utils.set_random_seed(size)
    head = HEADS[name](size)
    head.build((None, FEATURES) if name in POSTERIORS else None)
    for variable in head.trainable_variables:
        variable.assign_add(spread * rng.standard_normal(variable.shape))
    if name in POSTERIORS:
        return head, head(tf.constant(rng.standard_normal((B, FEATURES)), tf.float32))
    return head, head.parameters()


def normal(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).standard_normal(shape), tf.float32)


def jacobian_of(tape, values, start):
    return tape.batch_jacobian(values, start, experimental_use_pfor=False)


def context_of(parameters):
    return parameters[2] if len(parameters) > 2 else None


@pytest.mark.parametrize("size", [2, 5])
@pytest.mark.parametrize("name", FLOWS)
def test_the_inverse_undoes_the_map_and_the_log_determinant_is_that_of_its_jacobian(name, size):
    head, parameters = create(name, size)
    context, start = context_of(parameters), normal(B, size)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(start)
        values, log_det = head.forward(start, context)
    jacobian = jacobian_of(tape, values, start).numpy()
    np.testing.assert_allclose(log_det, np.linalg.slogdet(jacobian)[1], atol=1e-4)
    back, same = head.inverse(values, context)
    np.testing.assert_allclose(back, start, atol=1e-4)
    np.testing.assert_allclose(same, log_det, atol=1e-4)
    assert np.abs(values - start).max() > 0.3


@pytest.mark.parametrize("size", [2, 3, 7])
def test_a_step_of_iaf_sees_the_units_before_alone_and_all_of_them(size):
    head, parameters = create("iaf", size)
    for index, step in enumerate(head.steps):
        start = normal(B, size)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(start)
            values, _ = step.forward(start, parameters[2])
        reached = np.abs(jacobian_of(tape, values, start).numpy()).max(axis=0) > 1e-7
        expected = np.tril(np.ones((size, size), bool))
        np.testing.assert_array_equal(reached, expected.T if index % 2 else expected)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(parameters[2])
            values, _ = step.forward(start, parameters[2])
        assert (np.abs(jacobian_of(tape, values, parameters[2])).max(axis=(0, 2)) > 1e-7).all()


def test_masks_of_the_fewest_hidden_units_let_each_unit_feed_all_after_it():
    order = np.array([3, 1, 2])
    read, write = autoregressive_masks(order, 3)
    paths = read.astype(int) @ write.astype(int)
    np.testing.assert_array_equal(paths > 0, order[:, np.newaxis] < order)
    with pytest.raises(UserError, match=r"hidden_size >= 3.*received 2"):
        autoregressive_masks(order, 2)


def test_iaf_is_the_inverse_of_a_masked_autoregressive_flow_of_tfp():
    head, parameters = create("iaf", 4)
    context, values = parameters[2], normal(B, 4)
    expected, log_det = values, 0.0
    for step in head.steps:

        def shift_and_log_scale(z, step=step):
            shift, raw = step.call(z, context)
            gate = tf.sigmoid(raw)
            return -(1.0 - gate) * shift / gate, -tf.math.log(gate)

        made = tfp.bijectors.Invert(tfp.bijectors.MaskedAutoregressiveFlow(shift_and_log_scale))
        if step is head.steps[1]:  # its last unit comes first
            turn = tfp.bijectors.Permute([3, 2, 1, 0])
            made = tfp.bijectors.Invert(
                tfp.bijectors.MaskedAutoregressiveFlow(
                    lambda z, f=shift_and_log_scale: tuple(t[..., ::-1] for t in f(z[..., ::-1]))
                )
            )
            made = tfp.bijectors.Chain([turn, made, turn])
        log_det += made.forward_log_det_jacobian(expected, 1)
        expected = made.forward(expected)
    found, change = head.forward(values, context)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(change, log_det, atol=1e-5)
    once_more = head.inverse(expected, context)[0]
    np.testing.assert_allclose(once_more, values, atol=1e-4)


def test_couplings_are_those_of_tfp():
    head, parameters = create("realnvp", 5)
    context, values = parameters[2], normal(B, 5)
    expected, log_det = values, 0.0
    for index, step in enumerate(head.steps):
        kept = 2 if index % 2 == 0 else -3

        def shift_and_log_scale(a, units, step=step, **_):
            shift, raw = step.call(a, context)
            return shift, 2.0 * tf.tanh(raw / 2.0)

        coupling = tfp.bijectors.RealNVP(num_masked=kept, shift_and_log_scale_fn=shift_and_log_scale)
        log_det += coupling.forward_log_det_jacobian(expected, 1)
        expected = coupling.forward(expected)
    found, change = head.forward(values, context)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(change, log_det, atol=1e-5)


@pytest.mark.parametrize("name", HEADS)
def test_the_density_along_the_path_is_the_density_there(name):
    head, parameters = create(name)
    noise = normal(K, B, 3)
    value, along = head.sample_and_log_prob(parameters, noise)
    assert value.shape == (K, B, 3) and along.shape == (K, B)
    np.testing.assert_array_equal(value, head.sample(parameters, noise))
    np.testing.assert_allclose(head.log_prob(parameters, value), along, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(head.distribution(parameters).log_prob(value), along, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", POSTERIORS)
def test_leading_axes_of_the_parameters(name):
    head, parameters = create(name)
    lifted = tuple(tf.stack([p, 0.9 * p]) if p.shape.rank < 3 else tf.stack([p, p]) for p in parameters)
    value = normal(B, 3)
    found = head.log_prob(lifted, value)
    assert found.shape == (2, B)
    for index in range(2):
        row = tuple(p[index] for p in lifted)
        np.testing.assert_allclose(found[index], head.log_prob(row, value), rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(head.mean(lifted)[index], head.mean(row), atol=1e-6)


@pytest.mark.parametrize("name", HEADS)
def test_the_density_integrates_to_one_and_samples_have_its_moments(name):
    head, parameters = create(name, size=2, spread=0.5)
    parameters = tuple(p[:1] if p.shape.rank > 1 else p[tf.newaxis] for p in parameters)
    z = head.sample(parameters, normal(40_000, 1, 2, seed=3)).numpy()[:, 0].astype(np.float64)
    centre, width = z.mean(axis=0), 9 * z.std(axis=0)
    axes = [np.linspace(c - w, c + w, 601) for c, w in zip(centre, width, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 1, 2)
    density = np.exp(head.log_prob(parameters, tf.constant(grid, tf.float32)).numpy()[:, 0].astype(float))
    cell = np.prod([axis[1] - axis[0] for axis in axes])
    assert density.sum() * cell == pytest.approx(1.0, abs=2e-3)
    points = grid[:, 0]
    statistics = (
        lambda v: v,
        lambda v: (v - centre) ** 2,
        lambda v: np.prod(v - centre, axis=-1, keepdims=True),
        lambda v: np.tanh(2 * (v - centre)) * (v - centre)[:, ::-1],
    )
    for statistic in statistics:
        expected = (statistic(points) * density[:, np.newaxis]).sum(axis=0) * cell
        assert_mean_close(statistic(z), expected, name=name, max_z=6)


def test_reflections_are_orthogonal_and_directions_without_length_are_the_first_axis():
    head, (loc, scale, directions) = create("householder", 4)
    np.testing.assert_allclose(tf.norm(directions, axis=-1), 1.0, rtol=1e-6)
    noise = normal(K, B, 4)
    turned = head.sample((loc, tf.ones_like(scale), directions), noise) - loc
    np.testing.assert_allclose(tf.norm(turned, axis=-1), tf.norm(noise, axis=-1), rtol=1e-5)
    assert np.abs(turned - noise).max() > 0.5
    linear = head.direction_layer.linear
    linear.kernel.assign(tf.zeros_like(linear.kernel))
    linear.bias.assign(tf.zeros_like(linear.bias))
    features = normal(B, FEATURES)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(features)
        parameters = head(features)
        total = tf.reduce_sum(head.sample(parameters, noise))
    np.testing.assert_array_equal(parameters[2], np.broadcast_to(np.eye(4)[0], (B, 3, 4)))
    assert np.isfinite(tape.gradient(total, features)).all()


def test_householder_is_a_normal_with_its_divergence_in_closed_form():
    head, parameters = create("householder", 3, spread=0.4)
    loc, scale, _ = (p.numpy().astype(np.float64) for p in parameters)
    q, prior = head.distribution(parameters), StandardNormal(3)
    eigenvalues = np.linalg.eigvalsh(q.covariance().numpy())
    np.testing.assert_allclose(eigenvalues, np.sort(scale**2, axis=-1), rtol=1e-3, atol=1e-5)
    expected = 0.5 * (scale**2 + loc**2 - 1).sum(axis=1) - np.log(scale).sum(axis=1)
    found = kl_divergence(head, parameters, prior, prior.parameters())
    assert found.shape == (B, 1)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["iaf", "realnvp"])
def test_a_flow_starts_near_its_base(name):
    head = HEADS[name](3)
    _, _, context = head(normal(B, FEATURES))
    noise = normal(K, B, 3)
    values, log_det = head.forward(noise, context)
    rate = 1.0 if name == "realnvp" else (1 + np.exp(-1.5)) ** -2.0
    np.testing.assert_allclose(values, rate * noise, rtol=1e-5)
    np.testing.assert_allclose(log_det, np.full((K, B), 3 * np.log(rate)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: InverseAutoregressiveFlow(1),
        lambda: RealNVP(1),
        lambda: RealNVPPrior(1),
        lambda: InverseAutoregressiveFlow(2, steps=0),
        lambda: InverseAutoregressiveFlow(2, hidden_size=0),
        lambda: InverseAutoregressiveFlow(4, hidden_size=3),
        lambda: RealNVP(2, couplings=0),
        lambda: RealNVP(2, context_size=0),
        lambda: RealNVPPrior(2, hidden_size=1.5),
        lambda: HouseholderNormal(2, reflections=0),
        lambda: HouseholderNormal(0),
        lambda: HouseholderNormal(1),
    ],
)
def test_bad_arguments_are_refused_in_one_line(make):
    with pytest.raises(UserError) as error:
        make()
    assert "\n" not in str(error.value)


def test_a_rotation_holds_what_a_full_covariance_holds():
    """In two dimensions loc, two scales and a rotation are every Normal distribution."""
    head, parameters = create("householder", 2)
    full = FullCovarianceNormal(2)
    tril = head.distribution(parameters).scale.to_dense()
    value = normal(K, B, 2)
    np.testing.assert_allclose(
        full.log_prob((parameters[0], tril), value), head.log_prob(parameters, value), rtol=1e-3, atol=1e-3
    )
