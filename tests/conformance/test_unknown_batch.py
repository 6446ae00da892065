"""Every public method traces once for any batch size, keeps the static shape of an example, and treats a row alike
whatever the rest of its batch.

Mutation, seen to break the test here: `range` in place of `np.arange` for the counters, which autograph converts.
"""

import pytest
import tensorflow as tf
from conformance import models


@pytest.mark.parametrize("name", models.TABLE)
def test_unknown_batch_size(name):
    model = models.create(name)

    @tf.function(input_signature=[tf.TensorSpec([None, *model.event_shape], tf.float32)])
    def every_method(x):
        z = model.encode(x)
        results = {
            "call": model(x),
            "encode": z,
            "decode": model.decode(z),
            "reconstruct": model.reconstruct(x),
            "log_weights": model.log_weights(x, 3, seed=1),
            "elbo": model.elbo(x, 2, seed=2),
            "iwelbo": model.iwelbo(x, 3, seed=3),
            "posterior": model.posterior(x).log_prob(z),
            "prior": model.prior().log_prob(models.top_latents(model, x)),
            "likelihood": model.likelihood(z).log_prob(x),
        }
        event, latent = list(model.event_shape), list(model.posterior_head.event_shape)
        for method in ("call", "decode", "reconstruct"):
            assert results[method].shape.as_list() == [None, *event], method
        assert z.shape.as_list() == [None, *latent]
        assert results["log_weights"].shape.as_list() == [3, None]
        assert results["elbo"].shape.as_list() == results["iwelbo"].shape.as_list() == [None]
        return results

    x = models.examples(model, 3)
    expected = models.outputs(model, x)
    actual = {method: value.numpy() for method, value in every_method(x).items()}
    models.assert_same(actual, {m: expected[m] for m in actual}, rtol=1e-5, atol=1e-5)
    alone = {method: value.numpy() for method, value in every_method(x[:1]).items()}
    first = {m: v[:, :1] if m == "log_weights" else v[:1] for m, v in actual.items()}
    models.assert_same(alone, first, rtol=1e-5, atol=1e-5)
    assert every_method.experimental_get_tracing_count() == 1
