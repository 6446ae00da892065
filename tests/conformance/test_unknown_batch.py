"""Every public method traces once for any batch size and keeps the static shape of an example."""

import numpy as np
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
            "prior": model.prior().log_prob(z),
            "likelihood": model.likelihood(z).log_prob(x),
        }
        event, latent = list(model.event_shape), model.latent_size
        for method in ("call", "decode", "reconstruct"):
            assert results[method].shape.as_list() == [None, *event], method
        assert z.shape.as_list() == [None, latent]
        assert results["log_weights"].shape.as_list() == [3, None]
        assert results["elbo"].shape.as_list() == results["iwelbo"].shape.as_list() == [None]
        return results

    for count in (3, 1):
        x = models.examples(model, count)
        expected = models.outputs(model, x)
        actual = {method: value.numpy() for method, value in every_method(x).items()}
        models.assert_same(actual, {m: expected[m] for m in actual}, rtol=1e-5, atol=1e-5)
    assert every_method.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("name", models.TABLE)
def test_a_row_does_not_depend_on_its_batch(name):
    model = models.create(name)
    x = models.examples(model, 4)
    for method in ("log_weights", "elbo", "iwelbo"):
        whole = getattr(model, method)(x, 3, seed=1).numpy()
        part = getattr(model, method)(x[:2], 3, seed=1).numpy()
        np.testing.assert_allclose(part, whole[..., :2], rtol=1e-5, atol=1e-5, err_msg=method)
