"""Each mutation of an estimator below breaks the check beside it: the checks have the power that they claim."""

import pytest
import tensorflow as tf
from kit import discrete_checks, resampling_checks
from kit import multi_sample_checks as multi

from tfvae.estimators import alpha, grouped, score, wake
from tfvae.estimators.base import NO_BASELINE, Terms, log_mean_exp
from tfvae.models import base, resampling

pytestmark = pytest.mark.nightly  # tests of other tests


def miwae_with_m_and_k_swapped(patch):
    def split(self, log_weights):
        shape = tf.shape(log_weights)
        grouped_weights = tf.reshape(log_weights, [shape[0] // self.groups, self.groups, shape[1]])
        weight = tf.nn.softmax(grouped_weights, axis=1) / tf.cast(shape[0] // self.groups, tf.float32)
        bound = tf.reduce_mean(log_mean_exp(grouped_weights, axis=1), axis=0)
        return bound, tf.reshape(weight, shape)

    patch.setattr(grouped.Miwae, "split", split)


def miwae_softmax_over_the_groups(patch):
    def split(self, log_weights):
        shape = tf.shape(log_weights)
        grouped_weights = tf.reshape(log_weights, [self.groups, shape[0] // self.groups, shape[1]])
        weight = tf.nn.softmax(grouped_weights, axis=0) / tf.cast(shape[0] // self.groups, tf.float32)
        bound = tf.reduce_mean(log_mean_exp(grouped_weights, axis=1), axis=0)
        return bound, tf.reshape(weight, shape)

    patch.setattr(grouped.Miwae, "split", split)


def piwae_with_the_encoder_of_iwae(patch):
    def call(self, log_weights, baseline=None):
        weight = tf.nn.softmax(log_weights, axis=0)
        return Terms(log_mean_exp(log_weights), weight, weight, -weight)

    patch.setattr(grouped.Piwae, "__call__", call)


def piwae_with_the_decoder_of_miwae(patch):
    patch.setattr(grouped.Piwae, "__call__", grouped.Miwae.__call__)


def vr_iwae_dreg_squared_alone(patch):
    def call(self, log_weights, baseline=None):
        weight = tf.nn.softmax((1.0 - self.alpha) * log_weights, axis=0)
        return Terms(self._bound(log_weights), weight, tf.square(weight), None)

    patch.setattr(alpha.VrIwaeDreg, "__call__", call)


def vr_iwae_with_plain_weights(patch):
    def call(self, log_weights, baseline=None):
        weight = tf.nn.softmax(log_weights, axis=0)
        return Terms(self._bound(log_weights), weight, weight, -weight)

    patch.setattr(alpha.VrIwae, "__call__", call)


def vr_bound_not_divided(patch):
    patch.setattr(alpha.VrIwae, "_bound", lambda self, log_w: log_mean_exp((1.0 - self.alpha) * log_w))


def rws_with_the_sign_flipped(patch):
    def call(self, log_weights, baseline=None):
        weight = tf.nn.softmax(log_weights, axis=0)
        return Terms(log_mean_exp(log_weights), weight, None, -weight)

    patch.setattr(wake.Rws, "__call__", call)


def rws_dreg_with_the_sign_flipped(patch):
    def call(self, log_weights, baseline=None):
        weight = tf.nn.softmax(log_weights, axis=0)
        return Terms(log_mean_exp(log_weights), weight, tf.square(weight) - weight, None)

    patch.setattr(wake.RwsDreg, "__call__", call)


def _vimco(patch, change):
    """Replaces the score weights by change(terms, log_weights)."""
    plain = score.Vimco.__call__

    def call(self, log_weights, baseline=None):
        terms = plain(self, log_weights)
        return terms._replace(score=change(terms, log_weights))

    patch.setattr(score.Vimco, "__call__", call)


def vimco_forgets_the_weight(patch):
    _vimco(patch, lambda terms, log_weights: terms.score + terms.model)


def vimco_baseline_includes_the_particle(patch):
    """L(-k) = L: the learning signal is gone."""
    _vimco(patch, lambda terms, log_weights: -terms.model)


def vimco_divides_by_k(patch):
    _vimco(patch, lambda terms, log_weights: terms.score / tf.cast(tf.shape(log_weights)[0], tf.float32))


def vimco_leaves_the_wrong_particle_out(patch):
    _vimco(patch, lambda terms, log_weights: tf.roll(terms.score, 1, axis=0))


def reinforce_without_the_log_weights(patch):
    def call(self, log_weights, baseline=None):
        weight = tf.ones_like(log_weights) / tf.cast(tf.shape(log_weights)[0], tf.float32)
        return Terms(tf.reduce_mean(log_weights, axis=0), weight, None, weight)

    patch.setattr(score.Reinforce, "__call__", call)


def nvil_divides_twice(patch):
    plain = score.Nvil.__call__

    def call(self, log_weights, baseline=NO_BASELINE):
        return plain(self, log_weights, baseline._replace(scale=baseline.scale**2))

    patch.setattr(score.Nvil, "__call__", call)


def nvil_baseline_of_the_particle_itself(patch):
    def call(self, log_weights, baseline=NO_BASELINE):
        weight = tf.ones_like(log_weights) / tf.cast(tf.shape(log_weights)[0], tf.float32)
        mean = tf.reduce_mean(log_weights, axis=0)
        return Terms(mean, weight, None, weight * (log_weights - mean) / baseline.scale)

    patch.setattr(score.Nvil, "__call__", call)


def draw_uniformly(patch):
    plain = resampling.draw
    patch.setattr(resampling, "draw", lambda weights, u: plain(tf.ones_like(weights), u))


def draw_one_too_far(patch):
    plain = resampling.draw
    patch.setattr(
        resampling,
        "draw",
        lambda weights, u: tf.minimum(plain(weights, u) + 1, tf.shape(weights)[0] - 1),
    )


def draw_without_strata(patch):
    """The uniform of every stratum is used as it is and the strata are forgotten: each draw is in the first."""
    plain = resampling.draw
    patch.setattr(
        resampling, "draw", lambda weights, u: plain(weights, u / tf.cast(tf.shape(u)[0], tf.float32))
    )


def draw_the_most_likely(patch):
    """No replacement: the m heaviest particles, each once."""
    patch.setattr(
        resampling,
        "draw",
        lambda weights, u: tf.transpose(tf.math.top_k(tf.transpose(weights), tf.shape(u)[0]).indices),
    )


def pick_forgets_m(patch):
    plain = resampling.pick

    def pick(terms, index):
        count = tf.cast(tf.shape(index)[0], tf.float32)
        picked = plain(terms, index)
        return picked._replace(
            **{
                name: None if getattr(picked, name) is None else getattr(picked, name) * count
                for name in ("model", "path", "score")
            }
        )

    patch.setattr(resampling, "pick", pick)


def pick_forgets_the_model_weight(patch):
    plain = resampling.pick

    def pick(terms, index):
        return plain(terms._replace(model=tf.ones_like(terms.model)), index)

    patch.setattr(resampling, "pick", pick)


def chosen_noise_of_other_rows(patch):
    patch.setattr(
        base.random.Chosen,
        "_gather",
        lambda self, whole: tf.gather(whole, self._index[:, 0]),
    )


@pytest.mark.parametrize(
    ("mutate", "check"),
    [
        (miwae_with_m_and_k_swapped, multi.check_miwae),
        (miwae_softmax_over_the_groups, multi.check_miwae),
        (piwae_with_the_encoder_of_iwae, multi.check_piwae),
        (piwae_with_the_decoder_of_miwae, multi.check_piwae),
        (vr_iwae_dreg_squared_alone, lambda: multi.check_vr_iwae("vr-iwae-dreg")),
        (vr_iwae_with_plain_weights, multi.check_vr_iwae),
        (vr_bound_not_divided, multi.check_vr_iwae),
        (rws_with_the_sign_flipped, multi.check_rws),
        (rws_with_the_sign_flipped, discrete_checks.check_rws),
        (rws_dreg_with_the_sign_flipped, lambda: multi.check_rws("rws-dreg")),
        (vimco_forgets_the_weight, lambda: discrete_checks.check("bernoulli", "vimco", 3)),
        (vimco_baseline_includes_the_particle, lambda: discrete_checks.check("bernoulli", "vimco", 3)),
        (vimco_divides_by_k, lambda: discrete_checks.check("bernoulli", "vimco", 3)),
        (vimco_leaves_the_wrong_particle_out, lambda: discrete_checks.check("bernoulli", "vimco", 3)),
        (reinforce_without_the_log_weights, lambda: discrete_checks.check("bernoulli", "reinforce", 1)),
        (nvil_divides_twice, lambda: discrete_checks.check_nvil("two-layers", 1.5)),
        (nvil_baseline_of_the_particle_itself, lambda: discrete_checks.check_nvil("two-layers", 1.5)),
        (draw_uniformly, resampling_checks.check_draw),
        (draw_one_too_far, resampling_checks.check_draw),
        (draw_without_strata, resampling_checks.check_draw),
        (draw_the_most_likely, resampling_checks.check_draw),
        (draw_uniformly, lambda: resampling_checks.check("iwae", 3)),
        (pick_forgets_m, lambda: resampling_checks.check("iwae", 3)),
        (pick_forgets_the_model_weight, lambda: resampling_checks.check("dreg", 1)),
        (chosen_noise_of_other_rows, lambda: resampling_checks.check("iwae", 3)),
    ],
    ids=lambda item: getattr(item, "__name__", ""),
)
@pytest.mark.slow
def test_the_check_notices(mutate, check, monkeypatch):
    mutate(monkeypatch)
    with pytest.raises(AssertionError) as caught:
        check()
    assert "no power" not in str(caught.value)
