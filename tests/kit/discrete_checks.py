"""Score-function gradients against the enumeration of every state: checks that tests and mutations share."""

import numpy as np
from kit import enumeration, step_gradients
from kit.discrete_models import X, build, groups, variables
from kit.enumeration import Enumeration
from kit.stats import assert_mean_close

COPIES, STEPS = 1000, 120
KINDS = ("bernoulli", "two-layers", "one-hot")


def sample(model, steps=STEPS, copies=COPIES, first=0, **options):
    return step_gradients.sample(
        model, np.tile(X, (copies, 1)), variables(model), steps, first=first, **options
    )


def exact_gradients(model, bound):
    states = Enumeration(model, X)
    bounds = {"elbo": states.elbo, "iwelbo": lambda: states.iwelbo(model.num_samples)}
    return enumeration.gradients(bounds[bound], variables(model))


def check(kind, estimator, num_samples, smallest_bug=0.1):
    """Every gradient is that of the bound in mean, and the bound is the enumerated one."""
    model = build(kind, estimator=estimator, num_samples=num_samples, seed=3)
    bound = "elbo" if estimator == "reinforce" else "iwelbo"
    exact = exact_gradients(model, bound)
    assert all(max(np.abs(exact[name]).max() for name in part) > 0.03 for part in groups(model).values())
    samples, figures = sample(model)
    for name, gradient in exact.items():
        assert_mean_close(samples[name], gradient, name=f"{estimator} {name}", smallest_bug=smallest_bug)
    states = Enumeration(model, X)
    value = states.elbo() if bound == "elbo" else states.iwelbo(num_samples)
    assert_mean_close(figures["bound"], np.mean(value), name="bound", smallest_bug=0.05)


def check_rws(kind="two-layers", num_samples=2):
    model = build(kind, estimator="rws", num_samples=num_samples, seed=3)
    exact = exact_gradients(model, "iwelbo")
    parts = groups(model)
    wake = enumeration.gradients(lambda: Enumeration(model, X).wake(num_samples), parts["encoder"])
    samples, _ = sample(model)
    for name, gradient in (exact | wake).items():
        assert_mean_close(samples[name], gradient, name=f"rws {name}", smallest_bug=0.1)
    gap = max(np.abs(wake[name] - exact[name]).max() for name in wake)
    assert gap > 0.1, "no power: the wake-phase gradient is that of the bound"


def check_nvil(kind, scale):
    """Gradients times their recorded scale are unbiased; the scale is 1 or not as the point says."""
    model = build(kind, scale=scale, estimator="nvil", num_samples=2, seed=3)
    model.baseline.running_mean.assign(-1.0)
    state = {"variance": model.baseline.running_variance}
    samples, figures = sample(model, first=1, state=state)
    factor = np.maximum(1.0, np.sqrt(figures["variance"]))
    exact, encoder = exact_gradients(model, "elbo"), groups(model)["encoder"]
    for name, gradient in exact.items():
        values = samples[name]
        if name in encoder:
            values = values * factor.reshape(-1, *[1] * gradient.ndim)
        assert_mean_close(values, gradient, name=f"nvil {name}", smallest_bug=0.1)
    return factor
