"""The options of a training step, each with every model once: a resampled backward pass, sample weights, gradient
accumulation, bfloat16 and XLA.

Written against these mutations: DRAW repeating its examples K times where m particles run backward; the
weights left out of the gradient; noise drawn inside the compiled step; the metrics of a resampled step those of m
particles.
"""

import keras
import numpy as np
import pytest
from conformance import models
from conformance.cover import rows

from tfvae import estimators
from tfvae.checks import UserError

K, M, BATCH = 3, 2, 4
MIXING = ("batch-norm", "optimal-scale")  # examples of weight 0 have a say in the moments of a batch


def resampling(name):
    """Options with which a row resamples its particles: its own estimator, or one like it that may."""
    own = models.TABLE[name]().estimator.name
    for estimator in (own, "iwae", "rws"):
        try:
            models.TABLE[name](estimator=estimator, num_samples=K, backward_particles=M, free_bits=0.0)
            return {"estimator": estimator, "num_samples": K, "free_bits": 0.0}
        except UserError:
            continue
    raise AssertionError(f"no estimator of {name} can be resampled")


def create(name, compiled, *, dtype="float32", accumulate=None, **options):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        model = models.create(name, **options)
    finally:
        keras.config.set_dtype_policy(before)
    optimizer = keras.optimizers.SGD(0.05, gradient_accumulation_steps=accumulate)
    return models.compiled(model, optimizer, **compiled)


def steps(model, last, count=2):
    """Weights and the metrics after steps on one batch, whose last example, of weight 0, is `last`."""
    x = np.array(models.examples(model, BATCH))
    x[-1] = models.examples(model, 1, seed=last)[0]
    weights = np.float32([0.5, 2.0, 1.0, 0.0])
    inputs, targets = models.data(model, x) if isinstance(model, models.Conditional) else (x, None)
    for _ in range(count):
        figures = model.train_on_batch(inputs, targets, sample_weight=weights, return_dict=True)
    return model.get_weights(), figures


def assert_the_last_has_no_say(name, model):
    variables = [*model.variables, *models.optimizer_variables(model)]
    start = [variable.numpy() for variable in variables]
    before = model.get_weights()
    count = 2 + getattr(model, "autoencoder_steps", 0)  # those of the first stage are too few to be applied
    first, figures = steps(model, 1, count)
    assert np.isfinite(list(figures.values())).all()
    assert any(np.abs(now - then).max() > 1e-5 for now, then in zip(first, before, strict=True))
    if not any(word in name for word in MIXING):
        for variable, value in zip(variables, start, strict=True):
            variable.assign(value)
        for one, other in zip(first, steps(model, 2, count)[0], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", rows(models.INFERENTIAL))
def test_resampled_and_accumulated_with_weights(name):
    options = resampling(name)

    def make(**more):
        return create(name, {"run_eagerly": True}, accumulate=2, **options | more)

    if any(word in name for word in MIXING):
        with pytest.raises(UserError, match="layers that treat each particle alone"):
            make(backward_particles=M)
        assert_the_last_has_no_say(name, make())
        return
    assert_the_last_has_no_say(name, make(backward_particles=M))
    figures, whole = (steps(make(**more), 1, count=1)[1] for more in ({"backward_particles": M}, {}))
    if "latent_comparison" in figures:  # the first draw of those that run backward
        compared = ("latent_comparison", "discriminator_loss", "loss")
        figures, whole = ({k: v for k, v in of.items() if k not in compared} for of in (figures, whole))
    assert figures == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("name", [name for name in models.TABLE if name not in models.INFERENTIAL])
def test_accumulated_with_weights(name):
    assert_the_last_has_no_say(name, create(name, {"run_eagerly": True}, accumulate=2))


@pytest.mark.parametrize("name", rows(fast=(), costly="XLA"))
def test_half_precision_compiled_and_accumulated_with_weights(name):
    options = {} if name not in models.INFERENTIAL or any(w in name for w in MIXING) else resampling(name)
    options |= {"backward_particles": M} if options else {}
    make = {"dtype": "mixed_bfloat16", "accumulate": 2} | options
    if "functional" in name:  # of Keras' own layers
        with pytest.raises(UserError, match="would be summed in bfloat16 on a CPU"):
            steps(create(name, {"jit_compile": True}, **make), 1)
        return
    assert_the_last_has_no_say(name, create(name, {"jit_compile": True}, **make))


def test_every_estimator_is_some_rows():
    """So that what is resampled above is no single case."""
    chosen = {resampling(name)["estimator"] for name in models.INFERENTIAL}
    resampled = {row.name for row in estimators.TABLE if row.can_resample}
    assert chosen <= resampled and len(chosen) >= 5
