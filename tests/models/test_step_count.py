"""Every training step has noise of its own, whether or not it moves the weights.

Mutations, each seen to break a test here: the noise, or the learned baseline, seeded by `optimizer.iterations`; KL
warm-up driven by the count of steps; the steps that loss scaling skips not counted.
"""

import keras
import numpy as np
from kit import discrete_models
from kit.stats import assert_variance_near_one

import tfvae
from tfvae import random
from tfvae.distributions import DiagonalNormal, Normal
from tfvae.models import steps

MICRO = 4  # batches whose gradients make one update
X = np.array([[0.5], [-1.0], [2.0]], np.float32)
SCALE, SLOPE = 1.5, 0.7  # of q(z|x), and of the decoder


def linear(optimizer, seed=0, **options):
    """p(x|z) = N(SLOPE z + b, 1), q(z|x) = N(0, SCALE^2): the gradient for b is Normal."""
    model = tfvae.VAE(
        keras.layers.Identity(),
        keras.layers.Identity(),
        posterior=DiagonalNormal(1),
        likelihood=Normal(1),
        seed=seed,
        **options,
    )
    model.compile(optimizer)
    model.posterior_head.loc_layer.linear.kernel.assign([[0.0]])
    model.posterior_head.scale_layer.linear.kernel.assign([[0.0]])
    model.posterior_head.scale_layer.linear.bias.assign([np.log(SCALE)])
    model.likelihood_head.loc_layer.linear.kernel.assign([[SLOPE]])
    return model


def moves(model, count, every=1):
    """How far each of `count` updates, taken after `every` batches, moves b from 0."""
    found = []
    for _ in range(count):
        start = model.get_weights()
        for _ in range(every):
            model.train_on_batch(X)
        found.append(float(model.likelihood_head.loc_layer.linear.bias[0]))
        model.set_weights(start)
    return np.array(found)


def test_accumulated_noise_is_independent():
    model = linear(keras.optimizers.SGD(1.0, gradient_accumulation_steps=MICRO))
    deviation = SLOPE * SCALE / np.sqrt(MICRO * len(X))
    z_scores = (moves(model, 150, MICRO) - X.mean()) / deviation
    assert_variance_near_one(z_scores, mean=0.0, smallest_bug=float(MICRO))


def test_an_update_is_the_mean_of_those_of_its_steps():
    one_by_one = moves(linear(keras.optimizers.SGD(1.0)), 3 * MICRO)
    together = moves(linear(keras.optimizers.SGD(1.0, gradient_accumulation_steps=MICRO)), 3, MICRO)
    assert len(set(one_by_one)) == 3 * MICRO
    np.testing.assert_allclose(together, one_by_one.reshape(3, MICRO).mean(axis=1), rtol=1e-5)


def overflowing(model):
    """Compiles for a loss whose scaled gradients overflow float32 at the first step alone."""
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=3e38))
    return model


def test_a_skipped_step_is_counted_and_saved(tmp_path):
    model = overflowing(linear("sgd"))
    seeds = []
    for _ in range(4):
        seeds.append(model.train_seed().numpy().tolist())
        model.train_on_batch(X)
    taken = int(steps.taken(model.optimizer))
    assert taken == 4 and int(model.optimizer.iterations) < 4
    assert seeds == [random.fold(0, "train", step).numpy().tolist() for step in range(4)]
    model.save(tmp_path / "model.keras")
    assert int(steps.taken(keras.saving.load_model(tmp_path / "model.keras").optimizer)) == 4


def test_without_a_skip_the_count_is_that_of_the_updates():
    for optimizer in ("sgd", keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), 4.0)):
        model = linear(optimizer)
        for step in range(3):
            assert int(steps.taken(model.optimizer)) == int(model.optimizer.iterations) == step
            model.train_on_batch(X)
        assert int(model.optimizer.variables[0]) == (3 if optimizer == "sgd" else 0)


def test_a_step_without_weights_to_move_is_counted():
    model = linear("sgd")
    model.trainable = False
    model.compile("sgd")
    bounds = [model.train_on_batch(X, return_dict=True)["bound"] for _ in range(3)]
    assert len(set(map(float, bounds))) == 3 and int(steps.taken(model.optimizer)) == 3


def test_the_baseline_moves_on_at_each_step_and_warm_up_at_each_update():
    accumulate = {"gradient_accumulation_steps": 2}
    found = []
    for options in ({}, accumulate):
        model = discrete_models.build(estimator="nvil", num_samples=2)
        model.compile(keras.optimizers.SGD(0.0, **options))
        for _ in range(3):
            model.train_on_batch(discrete_models.X)
        found.append([float(model.baseline.running_mean), float(model.baseline.running_variance)])
    assert found[0] == found[1]
    model = linear(keras.optimizers.SGD(0.0, **accumulate), kl_warmup_steps=2)
    weights = []
    for _ in range(6):
        weights.append(float(model.current_kl_weight()))
        model.train_on_batch(X)
    assert weights == [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]


def test_relaxation_cools_at_each_update():
    model = discrete_models.build(estimator={"name": "relaxed", "rate": 1.0}, num_samples=1)
    seen = []
    cooled = type(model.estimator).temperature_at

    class Watching(type(model.estimator)):
        def temperature_at(self, step):
            seen.append(int(step))
            return cooled(self, step)

    model.estimator = Watching(rate=1.0)
    model.compile(keras.optimizers.SGD(0.0, gradient_accumulation_steps=2), run_eagerly=True)
    for _ in range(4):
        model.train_on_batch(discrete_models.X)
    assert seen == [0, 0, 1, 1]
