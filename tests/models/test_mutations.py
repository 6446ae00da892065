"""Each mutation below breaks the check beside it: the checks have the power that they claim."""

import pytest
import tensorflow as tf
from kit import bound_checks, gradient_checks

from tfvae.estimators import elbo, importance
from tfvae.estimators.base import Terms, log_mean_exp
from tfvae.models import base, contract, particles, replicas

pytestmark = pytest.mark.nightly  # tests of other tests


def _iwae(make):
    """A mutant of the IWAE row: `make` takes w~ and returns model, path and score weights."""

    def call(self, log_weights):
        return Terms(log_mean_exp(log_weights), *make(tf.nn.softmax(log_weights, axis=0)))

    return call


def drop_log_k(patch):
    patch.setattr(contract, "log_mean_exp", lambda log_weights: tf.reduce_logsumexp(log_weights, axis=0))


def swap_k_and_b(patch):
    def call(self, log_weights):
        weight = tf.nn.softmax(log_weights, axis=1)
        return Terms(log_mean_exp(log_weights), weight, weight, -weight)

    patch.setattr(importance.Iwae, "__call__", call)


def forget_to_detach(patch):
    patch.setattr(particles, "detach", lambda latent, tape: latent)


def forget_the_score(patch):
    patch.setattr(importance.Iwae, "__call__", _iwae(lambda w: (w, w, None)))


def flip_the_score(patch):
    patch.setattr(importance.Iwae, "__call__", _iwae(lambda w: (w, w, w)))


def weight_not_squared(patch):
    patch.setattr(importance.Dreg, "__call__", _iwae(lambda w: (w, w, None)))


def weight_squared_for_the_model(patch):
    patch.setattr(importance.Dreg, "__call__", _iwae(lambda w: (w**2, w**2, None)))


def sum_over_particles_for_mean(patch):
    patch.setattr(elbo, "uniform", tf.ones_like)


def sum_over_batch_for_mean(patch):
    patch.setattr(replicas, "place", lambda num_rows: (tf.constant(0), tf.constant(1)))


def same_noise_for_every_particle(patch):
    kernel = base.random.PhiloxNoise.normal
    patch.setattr(
        base.random.PhiloxNoise,
        "normal",
        lambda self, stream, k, size: tf.tile(kernel(self, stream, 1, size), [k, 1, 1]),
    )


@pytest.mark.parametrize(
    ("mutate", "check"),
    [
        (drop_log_k, bound_checks.check_iwelbo_is_its_exact_mean),
        (swap_k_and_b, lambda: gradient_checks.check_iwelbo("iwae")),
        (forget_to_detach, lambda: gradient_checks.check_elbo("stl")),
        (forget_to_detach, lambda: gradient_checks.check_iwelbo("dreg")),
        (forget_the_score, lambda: gradient_checks.check_iwelbo("iwae", gradient_checks.POSTERIOR)),
        (flip_the_score, lambda: gradient_checks.check_iwelbo("iwae", gradient_checks.POSTERIOR)),
        (weight_not_squared, lambda: gradient_checks.check_iwelbo("dreg", gradient_checks.POSTERIOR)),
        (weight_squared_for_the_model, lambda: gradient_checks.check_iwelbo("dreg", gradient_checks.MODEL)),
        (sum_over_particles_for_mean, lambda: gradient_checks.check_elbo("elbo")),
        (sum_over_batch_for_mean, lambda: gradient_checks.check_elbo("elbo")),
        (same_noise_for_every_particle, lambda: gradient_checks.check_iwelbo("iwae", gradient_checks.MODEL)),
    ],
    ids=lambda item: getattr(item, "__name__", ""),
)
@pytest.mark.slow
def test_the_check_notices(mutate, check, monkeypatch):
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        check()
