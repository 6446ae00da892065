"""Estimators, options and latents that do not fit: one clear line at construction, naming what would do."""

import keras
import pytest
from kit.discrete_models import build
from kit.images import one_line

import tfvae
from tfvae.checks import UserError
from tfvae.distributions import (
    Bernoulli,
    BernoulliPrior,
    DiagonalNormal,
    Normal,
    OneHotCategorical,
    OneHotCategoricalPrior,
    StandardNormal,
)
from tfvae.models import DiscreteVAE, HierarchicalVAE
from tfvae.training.config import Config

PATHS = ["elbo", "elbo-analytic", "stl", "iwae", "iwae-stl", "dreg", "rws-dreg", "miwae", "piwae", "ciwae"]
PATHS += ["vr-iwae", "vr-iwae-dreg", "jvi"]
SCORES = ["reinforce", "nvil", "vimco", "relaxed"]


def identity():
    return keras.layers.Identity()


def vae(**options):
    return tfvae.VAE(identity(), identity(), posterior=DiagonalNormal(2), likelihood=Normal(3), **options)


def hierarchical(**options):
    parts = {
        "encoders": [identity(), identity()],
        "decoders": [identity(), identity()],
        "posteriors": [DiagonalNormal(2), DiagonalNormal(1)],
        "conditionals": [DiagonalNormal(2)],
        "likelihood": Normal(3),
    } | options
    return HierarchicalVAE(parts.pop("encoders"), parts.pop("decoders"), **parts)


def discrete(**options):
    parts = {"posteriors": [Bernoulli(4)], "likelihood": Bernoulli(3)} | options
    count = len(parts["posteriors"]) if isinstance(parts["posteriors"], list) else 1
    return DiscreteVAE([identity() for _ in range(count)], [identity() for _ in range(count)], **parts)


def refusal(make, *fragments, **options):
    with pytest.raises(ValueError) as caught:
        make(**options)
    message = one_line(caught)
    assert isinstance(caught.value, UserError) and len(message) < 300
    for fragment in fragments:
        assert fragment in message, message
    return message


@pytest.mark.parametrize("name", PATHS)
def test_a_path_estimator_does_not_do_for_discrete_latents(name):
    message = refusal(discrete, "needs continuous latents", "rws", *SCORES, estimator=name, num_samples=4)
    offered = message.split("one of ")[1].split(";")[0].split(", ")
    assert set(offered) == {*SCORES, "rws"}


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("make", [vae, hierarchical])
def test_a_score_estimator_does_not_do_for_continuous_latents(make, name):
    message = refusal(make, "needs discrete latents", estimator=name, num_samples=4)
    offered = message.split("one of ")[1].split(";")[0].split(", ")
    assert set(offered) == {*PATHS, "rws"}


def spec(name, **options):
    return {"name": name} | options


@pytest.mark.parametrize(
    ("options", "fragments"),
    [
        ({"estimator": "iwae", "backward_particles": 6}, ["backward_particles", "1 to 5", "6"]),
        ({"estimator": "iwae", "backward_particles": -1}, ["backward_particles", ">= 0", "-1"]),
        ({"estimator": "iwae", "backward_particles": 1.5}, ["backward_particles", "1.5"]),
        ({"estimator": "piwae", "backward_particles": 2}, ["would bias piwae", "iwae", "dreg"]),
        ({"estimator": spec("vr-iwae", alpha=1.0)}, ["alpha", "[0, 1)", "elbo"]),
        ({"estimator": spec("vr-iwae", alpha=-0.1)}, ["alpha", "-0.1"]),
        ({"estimator": spec("vr-iwae-dreg", alpha=1.5)}, ["alpha", "1.5"]),
        ({"estimator": spec("vr-iwae", alpha=float("nan"))}, ["alpha", "nan"]),
        ({"estimator": spec("vr-iwae", alpha="half")}, ["alpha is not a number", "half"]),
        ({"estimator": spec("ciwae", beta=1.1)}, ["beta", "[0, 1]", "1.1"]),
        ({"estimator": spec("ciwae", beta=-0.1)}, ["beta", "-0.1"]),
        ({"estimator": spec("miwae", groups=2)}, ["2 groups do not divide 5", "1, 5"]),
        ({"estimator": spec("piwae", groups=0)}, ["groups", ">= 1", "0"]),
        ({"estimator": spec("iwae", alpha=0.5)}, ["iwae does not take alpha", "no options"]),
        ({"estimator": spec("vr-iwae", beta=0.5)}, ["vr-iwae does not take beta", "expected alpha"]),
        ({"estimator": "iwea"}, ["unknown estimator", "iwae", "'iwea'"]),
        ({"estimator": spec("iwea")}, ["unknown estimator", "'iwea'"]),
    ],
    ids=lambda item: item[0] if isinstance(item, list) else "",
)
def test_options_of_continuous_estimators(options, fragments):
    refusal(vae, *fragments, num_samples=5, **options)


@pytest.mark.parametrize(
    ("options", "fragments"),
    [
        ({"estimator": "vimco", "num_samples": 1}, ["vimco", ">= 2", "nvil or reinforce"]),
        ({"estimator": "vimco", "backward_particles": 2}, ["would bias vimco", "nvil"]),
        ({"estimator": spec("relaxed", temperature=0.0)}, ["temperature", "[1e-06", "0.0"]),
        ({"estimator": spec("relaxed", temperature=-1.0)}, ["temperature", "-1.0"]),
        ({"estimator": spec("relaxed", minimum=0.0)}, ["minimum", "[1e-06"]),
        ({"estimator": spec("relaxed", temperature=0.4, minimum=0.5)}, ["lowest temperature", "0.4", "0.5"]),
        ({"estimator": spec("relaxed", rate=-1e-4)}, ["rate", "-0.0001"]),
        ({"estimator": spec("nvil", decay=1.0)}, ["decay", "[0, 1)", "1.0"]),
        ({"estimator": spec("nvil", decay=1.2)}, ["decay", "1.2"]),
        ({"estimator": "vimco", "kl_warmup_steps": 10}, ["kl_warmup_steps", "vimco", "path"]),
        ({"estimator": "rws", "kl_warmup_steps": 10}, ["kl_warmup_steps", "rws"]),
        ({"estimator": "vimco", "free_bits": 0.1}, ["free_bits", "elbo-analytic"]),
        ({"posteriors": [Normal(4)]}, ["latents are discrete", "Bernoulli or OneHotCategorical", "Normal"]),
        ({"posteriors": [DiagonalNormal(4)]}, ["latents are discrete", "DiagonalNormal"]),
        ({"posteriors": Bernoulli(4)}, ["posteriors is no list"]),
        ({"posteriors": []}, ["layers do not fit", "L >= 1"]),
        ({"posteriors": ["bernoulli"]}, ["posteriors[0]", "a head", "bernoulli"]),
        (
            {"prior": StandardNormal(4)},
            ["prior and posterior differ", "binary values of shape (4,)", "continuous"],
        ),
        ({"prior": BernoulliPrior(3)}, ["prior and posterior differ", "(4,)", "(3,)"]),
        (
            {"posteriors": [Bernoulli((2, 3))], "prior": OneHotCategoricalPrior((2, 3))},
            ["prior and posterior differ", "binary", "one-hot"],
        ),
        (
            {"posteriors": [Bernoulli(2), Bernoulli(3)], "conditionals": [Bernoulli(3)]},
            ["posterior and conditional of layer 1", "(2,)", "(3,)"],
        ),
        (
            {"posteriors": [Bernoulli((2, 3)), Bernoulli(3)], "conditionals": [OneHotCategorical((2, 3))]},
            ["posterior and conditional of layer 1", "binary", "one-hot"],
        ),
    ],
    ids=lambda item: item[0] if isinstance(item, list) else "",
)
def test_options_of_discrete_models(options, fragments):
    refusal(discrete, *fragments, **options)


@pytest.mark.parametrize(
    ("options", "fragments"),
    [
        ({"estimator": "elbo-analytic"}, ["no closed form", "elbo", "stl"]),
        ({"encoders": [identity()]}, ["layers do not fit", "1, 2 and 2, and 1"]),
        ({"decoders": [identity()] * 3}, ["layers do not fit", "2, 3 and 2, and 1"]),
        ({"conditionals": []}, ["layers do not fit", "2, 2 and 2, and 0"]),
        ({"conditionals": [DiagonalNormal(3)]}, ["layer 1 differ", "(2,)", "(3,)"]),
        ({"conditionals": [Bernoulli(2)]}, ["layer 1 differ", "continuous", "binary"]),
        (
            {"posteriors": [DiagonalNormal(2), Bernoulli(1)]},
            ["latents are continuous", "DiagonalNormal", "Bernoulli"],
        ),
        ({"encoders": [identity(), None]}, ["encoders[1]", "Keras layer", "None"]),
        ({"encoders": identity()}, ["encoders is no list", "a list"]),
        ({"prior": StandardNormal(2)}, ["prior and posterior differ", "(1,)", "(2,)"]),
        ({"prior": BernoulliPrior(1)}, ["prior and posterior differ", "continuous", "binary"]),
    ],
    ids=lambda item: item[0] if isinstance(item, list) else "",
)
def test_layers_of_hierarchical_models(options, fragments):
    refusal(hierarchical, *fragments, **options)


@pytest.mark.parametrize("shape", [(2, 1), (3,), 3, (1, 2, 3)])
def test_one_hot_variables_need_classes(shape):
    refusal(lambda: OneHotCategorical(shape), "classes >= 2")


def test_what_does_fit_is_accepted():
    vae(estimator=spec("miwae", groups=5), num_samples=5, backward_particles=5, kl_warmup_steps=3)
    vae(estimator=spec("vr-iwae", alpha=0.0))
    hierarchical(estimator="rws", num_samples=2)
    discrete(estimator=spec("relaxed", temperature=0.5, minimum=0.5), kl_warmup_steps=3)
    discrete(estimator="nvil", num_samples=1, backward_particles=1)
    build("one-hot", prior=OneHotCategoricalPrior((2, 3)))


def test_values_that_differ_in_their_range_alone_are_told_apart():
    head = tfvae.distributions.ContinuousBernoulli(2)
    with pytest.raises(
        UserError, match=r"over continuous values of shape \(2,\) in \[0, 1\]; received one over .*\)$"
    ):
        tfvae.VAE(identity(), identity(), posterior=head, likelihood=Normal(3))


def test_the_weights_of_piwae_do_not_fit_into_float16():
    for precision in ("float16", "bfloat16"):
        encoder = keras.layers.Dense(3, dtype=f"mixed_{precision}")
        heads = {"posterior": DiagonalNormal(2), "likelihood": Normal(3)}
        model = tfvae.VAE(encoder, identity(), **heads, estimator=spec("piwae", groups=2), num_samples=4)
        given = {"estimator": "piwae", "num_samples": 4, "mixed_precision": precision}
        if precision == "bfloat16":
            model.compile()
            Config.resolve(given)
            continue
        for check in (model.compile, lambda given=given: Config.resolve(given)):
            with pytest.raises(UserError, match=r"piwae .* expected float32 or bfloat16.* received float16"):
                check()
