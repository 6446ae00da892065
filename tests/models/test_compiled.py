"""A step that XLA compiles draws the noise of one that it does not, and is refused where it cannot be had.

Mutations, each seen to break a test here: noise drawn inside the compiled function, `jit_compile` lost on the way to a
`.keras` file, the step not compiled at all.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import models
from kit.marks import tiers

from tfvae import VAE
from tfvae.checks import UserError
from tfvae.distributions import DiagonalNormal, Normal

CASES = {
    "K = 1": ("vae-conv", {}),
    "batch normalisation": ("iwae-mlp-batch-norm", {}),
    "layers": ("hierarchical-mlp", {}),
    "backward particles": ("iwae-mlp", {"backward_particles": 2}),
    "learned baseline": ("discrete-linear", {}),
    "relaxation": ("discrete-one-hot", {}),
    "condition": ("cvae-column", {}),
    "no latents": ("regressor-column", {}),
}
FAST = ("no latents",)
KEPT = ("layers", "backward particles", "learned baseline")


def trained(name, options, jit_compile, policy="float32"):
    """A row after an epoch with an uneven last batch."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = models.create(name, **options)
    finally:
        keras.config.set_dtype_policy(before)
    model.compile(keras.optimizers.SGD(0.05), jit_compile=jit_compile)
    data = models.data(model, models.examples(model, 11))
    history = model.fit(*data, batch_size=4, epochs=1, shuffle=False, verbose=0).history
    return model, {name: values[0] for name, values in history.items()}


def step_calls(model):
    """Whether each of the functions that the training step calls is compiled by XLA."""
    data = tuple(map(tf.constant, models.data(model, models.examples(model, 4))))
    graph = tf.function(model.train_step).get_concrete_function(data).graph.as_graph_def()
    functions = {function.signature.name: function for function in graph.library.function}
    calls = [node.attr["f"].func.name for node in graph.node if "PartitionedCall" in node.op]
    return [functions[name].attr["_XlaMustCompile"].b for name in calls], {node.op for node in graph.node}


@pytest.mark.parametrize("case", tiers(CASES, fast=FAST, kept=KEPT))
def test_the_compiled_step_is_the_plain_one(case):
    name, options = CASES[case]
    plain, expected = trained(name, options, False)
    model, found = trained(name, options, True)
    for one, other in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    for figure, value in expected.items():
        assert found[figure] == pytest.approx(value, rel=1e-5), figure


@pytest.mark.parametrize("name", ["iwae-mlp", "regressor-column"])
def test_all_but_the_random_numbers_is_compiled(name):
    model = models.create(name)
    model.compile("sgd", jit_compile=True)
    compiled, operations = step_calls(model)
    assert compiled == [True] and "MatMul" not in operations
    assert ("StatelessRandomNormalV2" in operations) == (name == "iwae-mlp")
    model.compile("sgd")
    assert step_calls(model)[0] == []


@pytest.mark.slow
def test_under_loss_scaling_too():
    plain, _ = trained("iwae-mlp", {}, False, "mixed_float16")
    model, _ = trained("iwae-mlp", {}, True, "mixed_float16")
    assert int(model.optimizer.iterations) == int(plain.optimizer.iterations)
    assert float(model.optimizer.dynamic_scale) == float(plain.optimizer.dynamic_scale)
    for one, other in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=0.02, atol=2e-3)


def test_the_choice_is_saved(tmp_path):
    model = models.create("vae-mlp")
    for choice in ("auto", True, False):
        model.compile("sgd", jit_compile=choice)
        model.save(tmp_path / "model.keras")
        copy = keras.saving.load_model(tmp_path / "model.keras")
        assert copy.compiles == choice and copy.get_compile_config()["jit_compile"] == choice


@pytest.mark.parametrize("options", [{"jit_compile": True, "run_eagerly": True}, {"jit_compile": "all"}])
def test_what_cannot_be_compiled_is_refused(options):
    with pytest.raises(UserError, match="jit_compile"):
        models.create("vae-mlp").compile("sgd", **options)


@keras.saving.register_keras_serializable(package="tests")
class ThroughText(keras.layers.Layer):
    """Writes its input down and reads it again, which XLA cannot."""

    def call(self, x):
        return tf.strings.to_number(tf.strings.as_string(x))


def test_an_operation_that_xla_lacks_is_named():
    heads = {"posterior": DiagonalNormal(2), "likelihood": Normal(4)}
    model = VAE(ThroughText(), keras.layers.Identity(), **heads)
    model.compile("sgd", jit_compile=True)
    with pytest.raises(UserError, match="received AsString; set jit_compile=False") as caught:
        model.fit(models.examples(model, 4), verbose=0)
    assert "\n" not in str(caught.value)
