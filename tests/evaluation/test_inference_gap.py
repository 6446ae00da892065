"""The inference gap and its two parts against closed forms, and what it leaves untouched.

Mutations, each seen to break a test here: a step's noise that is the same at every step, KL(p || q) for KL(q || p) by
climbing log p(x, z) alone, errors of the particles' log-weights where those of the difference belong, q and q* scored
at different noise, log K missing from log p(x), noise keyed by the place in the block, q of the first ascent returned,
a late gain counted from the encoder's q or with errors half or twice their size.
"""

import numpy as np
import pytest
from kit import linear_gaussian_model
from kit.linear_gaussian import LinearGaussian
from kit.marks import tiers
from kit.stats import assert_variance_near_one
from scipy import linalg

from tfvae import evaluation
from tfvae.checks import UserError
from tfvae.evaluation import gap
from tfvae.evaluation.per_example import PerExample
from tfvae.evaluation.traced import KEPT

RNG = np.random.default_rng(5)
W = linalg.orth(RNG.normal(size=(4, 2))) @ np.array([[1.0, 0.0], [0.5, 0.9]])
ORACLE = LinearGaussian(W=W, b=RNG.normal(size=4), s=0.8)
X = (RNG.normal(size=(30, 2)) @ W.T + ORACLE.b + ORACLE.s * RNG.normal(size=(30, 4))).astype(np.float32)
COVARIANCE = ORACLE.posterior(X)[1]
PRECISION = linalg.inv(COVARIANCE)
A = COVARIANCE @ W.T / ORACLE.s**2
BEST = 1 / np.sqrt(
    np.diag(PRECISION)
)  # scale of the diagonal Normal with the least KL(q || p), whose loc is p's
WEAKNESS = 0.5 * (np.log(np.diag(PRECISION)).sum() - np.linalg.slogdet(PRECISION)[1])  # that KL divergence
ENCODERS = {
    "good": (A, -A @ ORACLE.b, BEST),
    "far and wide": (0.5 * A, 1.0 - A @ ORACLE.b, 2.5 * BEST),
    "narrow": (A, 0.3 - A @ ORACLE.b, 0.2 * BEST),
}


def exact(encoder):
    """Returns inference, approximation and amortisation gap, [N] each."""
    bound, truth = ORACLE.elbo(X, *encoder), ORACLE.log_marginal(X)
    return {
        "inference": truth - bound,
        "approximation": np.full(len(X), WEAKNESS),
        "amortization": truth - WEAKNESS - bound,
    }


@pytest.mark.parametrize("encoder", tiers(["good", "far and wide", "narrow"], fast=["good", "far and wide"]))
def test_a_diagonal_q_under_a_correlated_posterior(encoder):
    assert 0.03 < WEAKNESS < 0.1
    model = linear_gaussian_model.build(ORACLE, *ENCODERS[encoder])
    before = model.get_weights()
    truth = ORACLE.log_marginal(X)
    runs = [
        evaluation.inference_gap(model, X, num_samples=2000, steps=400, seed=seed, log_prob=given)
        for seed, given in ((0, None), (2, truth))
    ]
    expected = exact(ENCODERS[encoder])
    for run in runs:
        assert run.converged and abs(run.late_gain.mean) < 0.004
        for name, values in expected.items():
            part = getattr(run, name)
            # the ascent stops 0.001 short of the optimum, which the smallest errors would show
            z = (part.values - values) / np.hypot(part.standard_error, 0.001)
            assert np.abs(z).max() < 5, (encoder, name)
            assert abs(part.mean - values.mean()) < 0.005 + 5 * part.monte_carlo_standard_error
        assert abs(run.approximation.mean - WEAKNESS) < 0.01
        np.testing.assert_allclose(
            run.inference.values, run.approximation.values + run.amortization.values, atol=1e-9
        )
    np.testing.assert_array_equal(runs[1].log_prob.values, truth)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    amortization = runs[0].amortization
    if encoder == "good":
        assert amortization.standard_error.max() < 0.005, "the same noise for both: what they share cancels"
        assert runs[0].verdict().startswith("because q is weak")
    else:
        assert runs[0].verdict().startswith("because q is amortized")


def exact_late_gain(found):
    """Returns ELBO[q*] - ELBO[q of the first ascent], [N], for locs and log scales after each ascent."""
    halfway, best = (
        [
            ORACLE.elbo(x[np.newaxis], 0 * A, loc, np.exp(log_scale))[0]
            for x, loc, log_scale in zip(X, *free, strict=True)
        ]
        for free in found
    )
    return np.subtract(best, halfway)


def test_errors_are_honest():
    """Of many seeds, with an approximation gap small enough for the weights to be well behaved."""
    model = linear_gaussian_model.build(ORACLE, *ENCODERS["good"])
    ascents = []
    start, climb_from, weigh = gap._functions(model)

    def spy(*arguments):
        found = climb_from(*arguments)
        ascents.append([part.numpy().astype(np.float64) for part in found])
        return found

    vars(model)[KEPT]["inference_gap"] = start, spy, weigh
    runs = [evaluation.inference_gap(model, X, num_samples=500, steps=200, seed=seed) for seed in range(12)]
    for name in ("inference", "approximation"):
        scores = np.concatenate(
            [
                (getattr(run, name).values - exact(ENCODERS["good"])[name])
                / getattr(run, name).standard_error
                for run in runs
            ]
        )
        assert np.abs(scores).max() < 5.5
        assert_variance_near_one(scores, mean=0.0, p_value=1e-9, smallest_bug=2.0, name=name)
    assert len(ascents) == 24
    late = [
        (run.late_gain.values - exact_late_gain(found)) / run.late_gain.standard_error
        for run, *found in zip(runs, ascents[::2], ascents[1::2], strict=True)
    ]
    assert_variance_near_one(late, mean=0.0, p_value=1e-9, smallest_bug=2.0, name="late gain")


def test_a_full_covariance_has_no_approximation_gap():
    model = linear_gaussian_model.build(
        ORACLE, 0.5 * A, 1.0 - A @ ORACLE.b, np.array([[0.5, 0.0], [0.9, 2.0]])
    )
    run = evaluation.inference_gap(model, X, num_samples=100, steps=500)
    assert np.abs(run.approximation.values).max() < 1e-4
    np.testing.assert_allclose(run.log_prob.values, ORACLE.log_marginal(X), atol=1e-3)
    assert run.inference.mean > 1 and run.verdict().endswith("closes 100 % of the gap")
    exact_q = linear_gaussian_model.build(ORACLE, A, -A @ ORACLE.b, linalg.cholesky(COVARIANCE, lower=True))
    tight = evaluation.inference_gap(exact_q, X, num_samples=100, steps=400)
    assert np.abs(tight.inference.values).max() < 1e-3


def test_too_few_steps_are_told():
    model = linear_gaussian_model.build(ORACLE, *ENCODERS["far and wide"])
    run = evaluation.inference_gap(model, X, num_samples=500, steps=20)
    assert not run.converged and run.late_gain.mean > 0.1
    assert run.approximation.mean > WEAKNESS + 0.1
    assert run.verdict().startswith("undecided: the ascent to the best q for each example has not converged")


@pytest.mark.parametrize("learning_rate", [1e-6, 1e-3])
def test_too_small_steps_are_told(learning_rate):
    """Hardly a gain in the second half, as in the first."""
    options = {"num_samples": 100, "steps": 60, "learning_rate": learning_rate}
    model = linear_gaussian_model.build(ORACLE, *ENCODERS["far and wide"])
    run = evaluation.inference_gap(model, X, **options)
    assert run.late_gain.mean < 0.1 and not run.converged and run.verdict().startswith("undecided")


def test_blocks_do_not_matter_and_an_interrupted_run_goes_on(monkeypatch):
    model = linear_gaussian_model.build(ORACLE, *ENCODERS["narrow"])
    options = {"num_samples": 50, "steps": 30}
    whole = evaluation.inference_gap(model, X, **options)
    monkeypatch.setattr(gap, "EXAMPLES_PER_BLOCK", 7)
    store, calls = {}, []

    def stop(done, count):
        calls.append((done, count))
        if done >= 14 and len(calls) < 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluation.inference_gap(model, X, store=store, progress=stop, **options)
    kept = {start: block.copy() for start, block in store.items()}
    assert sorted(kept) == [0, 7]
    store[0] = kept[0] + 1.0
    run = evaluation.inference_gap(
        model, X, store=store, progress=lambda *call: calls.append(call), **options
    )
    assert calls == [(0, 30), (7, 30), (14, 30), (14, 30), (21, 30), (28, 30), (30, 30)]
    np.testing.assert_allclose(run.elbo.values[:7], whole.elbo.values[:7] + 1.0, rtol=1e-5)
    for name in ("elbo", "best_elbo", "log_prob"):
        values = getattr(run, name).values
        np.testing.assert_allclose(values[7:], getattr(whole, name).values[7:], rtol=1e-4)
    other = evaluation.inference_gap(model, X[:7], seed=1, **options)
    assert np.all(other.elbo.values != whole.elbo.values[:7])


def result(inference, approximation, late=0.0, error=0.01):
    """A result with these means."""
    means = {
        "inference": inference,
        "approximation": approximation,
        "amortization": inference - approximation,
        "late_gain": late,
    }
    parts = dict.fromkeys(("elbo", "best_elbo", "log_prob"), 0.0) | means
    parts = {name: PerExample(np.full(4, mean), np.full(4, error)) for name, mean in parts.items()}
    return evaluation.InferenceGap(**parts, effective_sample_size=np.ones(4), num_samples=9, steps=2)


def test_the_answer_in_words():
    assert result(3.0, 2.5).verdict().startswith("because q is weak: with the best q for each example 83 %")
    assert result(3.0, 0.3).verdict().endswith("the best q for each example closes 90 % of the gap")
    assert result(3.0, 1.5).verdict().startswith("for both reasons")
    assert result(0.005, 0.003).verdict().startswith("the bound is tight")
    assert result(-0.1, 0.0).verdict().startswith("the bound is tight") and np.isnan(result(-0.1, 0.0).share)
    assert (
        result(3.0, 3.2, error=0.4)
        .verdict()
        .endswith("with the best q for each example 100 % of the gap remains")
    )
    assert (
        result(3.0, -0.2, error=0.4).verdict().endswith("the best q for each example closes 100 % of the gap")
    )
    assert "log p(x) is estimated too low" in result(3.0, -0.2).verdict()


@pytest.mark.parametrize(
    ("converged", "inference", "approximation", "late", "error"),
    [
        (True, 3.0, 2.0, 0.09, 0.01),  # a tenth of what the ascent gained is 0.1
        (False, 3.0, 2.0, 0.11, 0.01),
        (True, 3.0, 0.1, 0.04, 0.01),  # 0.05 nats, where a tenth of the approximation gap is less
        (False, 3.0, 0.1, 0.06, 0.01),
        (True, 30.0, 3.0, 0.29, 0.01),
        (False, 30.0, 3.0, 0.31, 0.01),
        (True, 3.0, 2.9, 0.04, 0.05),  # 2 standard errors of the mean are 0.05
        (False, 3.0, 2.9, 1.0, 1.2),  # less than 2 standard errors, which tell nothing
        (False, 3.0, 2.998, 0.0004, 1e-5),  # tiny steps: the second half gains a quarter of the first, or so
        (True, 3.0, 2.9995, 0.0004, 1e-5),  # about the best q
        (True, 3.0, 3.001, 0.002, 1e-5),
        (False, 3.0, 3.5, 0.0, 0.01),  # lost
        (False, 3.0, 2.0, -0.5, 0.01),
    ],
)
def test_when_an_ascent_has_converged(converged, inference, approximation, late, error):
    told = result(inference, approximation, late, error)
    assert told.converged is converged
    assert ("not converged" in told.verdict()) is not converged


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"steps": 1}, "steps is not a fitting integer; expected an integer >= 2"),
        ({"num_samples": 1}, "num_samples is not a fitting integer; expected an integer >= 2"),
        ({"step_samples": 0}, "step_samples is not a positive integer"),
        ({"learning_rate": 0.0}, "learning_rate is out of range"),
        ({"log_prob": np.zeros(3)}, r"log_prob does not fit the examples; expected shape \(30,\)"),
        (
            {"log_prob": np.full(30, np.nan)},
            "log_prob is not finite; expected numbers; received nan at example 0",
        ),
        ({"log_prob_standard_error": np.zeros(30)}, "log_prob_standard_error belongs to log_prob"),
    ],
)
def test_bad_input_is_one_line(options, says):
    model = linear_gaussian_model.build(ORACLE, *ENCODERS["good"])
    with pytest.raises(UserError, match=says) as caught:
        evaluation.inference_gap(model, X, **options)
    assert "\n" not in str(caught.value)


def test_a_nan_is_reported_with_its_example(monkeypatch):
    model = linear_gaussian_model.build(ORACLE, *ENCODERS["good"])
    monkeypatch.setattr(gap, "EXAMPLES_PER_BLOCK", 7)
    broken = X.copy()
    broken[18, 1] = np.nan
    with pytest.raises(UserError, match="example 18"):
        evaluation.inference_gap(model, broken, num_samples=5, steps=2)
