"""Every public method traces once for any batch size, keeps the static shape of an example, and treats a row alike
whatever the rest of its batch.

Mutation, seen to break the test here: `range` in place of `np.arange` for the counters, which autograph converts.
"""

import pytest
import tensorflow as tf
from conformance import models
from conformance.cover import rows


def tensors(batch):
    return {name: tf.constant(value) for name, value in batch.items()}


FAST = ("regressor-column", "discrete-one-hot")


@pytest.mark.parametrize("name", rows(fast=FAST, costly="shapes"))
def test_unknown_batch_size(name):
    model = models.create(name)

    x = models.examples(model, 3)
    batch = {"x": x, **models.given(model, x)}
    specs = {name: tf.TensorSpec([None, *value.shape[1:]], tf.float32) for name, value in batch.items()}

    @tf.function
    def every_method(batch):
        return models.deterministic(model, **batch)

    event = list(model.event_shape)
    shapes = {
        "call": [None, *models.output_shape(model)],
        "decode": [None, *event],
        "reconstruct": [None, *event],
    }
    shapes |= {"log_weights": [3, None], "elbo": [None], "iwelbo": [None], "log_prob": [None]}
    if hasattr(model, "posterior_head"):
        shapes["encode"] = [None, *model.posterior_head.event_shape]
    traced = every_method.get_concrete_function(specs).structured_outputs
    assert {m: traced[m].shape.as_list() for m in shapes if m in traced} == {
        m: shapes[m] for m in shapes if m in traced
    }
    expected = models.outputs(model, x)
    actual = {method: value.numpy() for method, value in every_method(tensors(batch)).items()}
    models.assert_same(actual, {m: expected[m] for m in actual}, rtol=1e-5, atol=1e-5)
    first = {name: value[:1] for name, value in batch.items()}
    alone = {method: value.numpy() for method, value in every_method(tensors(first)).items()}
    first = {m: v[:, :1] if m == "log_weights" else v[:1] for m, v in actual.items()}
    models.assert_same(alone, first, rtol=1e-5, atol=1e-5)
    assert every_method.experimental_get_tracing_count() == 1
