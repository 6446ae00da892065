"""A setting is said once: its field says it to the command line, to config.json and to the report."""

import pytest

from tfvae import cli, comparisons, estimators
from tfvae.checks import UserError
from tfvae.cli import settings as flags
from tfvae.cli.arguments import parser
from tfvae.training.config import SETTINGS, Config
from tfvae.training.settings import GROUPS, reported

TOLD_WITH_OTHERS = {  # in the rows of the report that need more than the settings
    *("preset", "dataset", "estimator", "estimator_options", "backward_particles", "num_samples", "latent_size"),
    *("epochs", "batch_size", "schedule", "posterior", "prior", "discriminator_learning_rate", "penalty_every"),
    *("autoencoder_learning_rate", "latent_weight"),
}  # fmt: skip
OF_SOURCES = {"label_column", "image_size", "limit", "standardize"}  # which earlier runs lack
OF_NO_EFFECT = {  # on the numbers of a run: the list of all settings has them
    *("validation_size", "strategy", "replicas", "jit", "figures_every", "checkpoint_seconds", "tensorboard"),
    "schedule_epochs",
}  # fmt: skip


@pytest.fixture(scope="module")
def help_of_train():
    commands = next(action for action in parser()._actions if action.dest == "command")
    return commands.choices["train"]


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_has_a_sentence_a_group_and_a_flag(name, help_of_train):
    setting = SETTINGS[name]
    assert setting.help.endswith(".") and setting.help[0].isupper() and setting.group in GROUPS
    action = next(action for action in help_of_train._actions if action.dest == name)
    assert action.option_strings == [flags.flag(name)] and action.default is None
    assert setting.help_text() == action.help.replace("%%", "%")
    assert setting.default is False or "(default: " in action.help


def test_the_help_lists_the_settings_in_their_groups(help_of_train):
    text = help_of_train.format_help()
    places = [text.index(f"\n{group}:\n") for group in GROUPS]
    assert places == sorted(places)
    for group, start, end in zip(GROUPS, places, [*places[1:], len(text)], strict=True):
        for name, setting in SETTINGS.items():
            assert (f"\n  {flags.flag(name)}" in text[start:end]) == (setting.group == group)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_told_by_the_report(name):
    assert bool(SETTINGS[name].title) != (name in TOLD_WITH_OTHERS | OF_NO_EFFECT)


def test_the_report_tells_what_is_not_quiet():
    quiet = dict(reported(SETTINGS, Config.resolve({}).to_json()))
    assert quiet["Binarisation"] == "dynamic: drawn afresh from the grey values at every step"
    assert (
        quiet["Learning rate"] == "0.002, cosine" and "KL warm-up" not in quiet and "Free bits" not in quiet
    )
    given = {"estimator": "elbo-analytic", "kl_warmup": 3, "free_bits": 0.25, "patience": 4}
    config = Config.resolve(given | {"mixed_precision": "bfloat16", "kl_weight": 4.0})
    told = dict(reported(SETTINGS, config.to_json()))
    assert told["KL weight"] == "4"
    assert told["KL warm-up"] == "3 epochs" and told["Free bits"] == "0.25 nats for each unit"
    assert told["Early stopping"] == "after 4 epochs without a better validation bound"
    assert told["Precision"] == "bfloat16"


def given(*words):
    return flags.given(parser().parse_args(["train", *words]))


def test_flags_that_are_not_given_are_none_and_those_given_have_their_type():
    assert set(given().values()) == {None} and list(given()) == list(SETTINGS)
    words = ["--epochs", "3", "--learning-rate", "1", "--validation-size", "0", "--tensorboard", "--jit"]
    chosen = {name: value for name, value in given(*words).items() if value is not None}
    assert chosen == {
        "epochs": 3,
        "learning_rate": 1.0,
        "validation_size": 0,
        "tensorboard": True,
        "jit": "on",
    }
    assert type(chosen["learning_rate"]) is float


# ---- options of estimators


def test_options_of_an_estimator_are_gathered():
    words = ["--estimator-option", "minimum=0.25", "--estimator-option", "rate=1e-3"]
    options = given("--preset", "sbn-200-200-200", "--estimator", "relaxed", *words)
    assert options["estimator_options"] == {"minimum": 0.25, "rate": 1e-3}
    spec = Config.resolve(options).estimator_spec
    assert spec == {"name": "relaxed", "minimum": 0.25, "rate": 1e-3}
    assert estimators.get(spec).minimum == 0.25
    groups = given("--estimator", "miwae", "--num-samples", "6", "--estimator-option", "groups=3")
    assert Config.resolve(groups).estimator_options == {"groups": 3}
    assert type(groups["estimator_options"]["groups"]) is int


@pytest.mark.parametrize(
    ("name", "option", "told"),
    [
        (
            "vr-iwae",
            "beta=0.3",
            "vr-iwae does not take beta; expected alpha, a number in [0, 1), by default 0.5",
        ),
        ("elbo", "alpha=0.3", "elbo does not take alpha; expected no options"),
        ("vr-iwae", "alpha=1.5", "alpha is out of range; expected a number in [0, 1]"),
        ("vr-iwae", "alpha=half", "alpha is not a number; expected a number in [0, 1]; received 'half'"),
        ("vr-iwae", "alpha=", "alpha is not a number"),
        ("miwae", "groups=1.5", "groups is not a positive integer; expected an integer >= 1; received 1.5"),
        ("vr-iwae", "alpha", "expected NAME=VALUE; received alpha"),
        ("vr-iwae", "=1", "expected NAME=VALUE; received =1"),
    ],
)
def test_bad_options_of_an_estimator_are_refused_in_one_line(name, option, told, capsys, tmp_path):
    words = ["train", "--run-dir", str(tmp_path / "run"), "--estimator", name, "--estimator-option", option]
    assert cli.main(words) == 2
    line = capsys.readouterr().err
    assert told in line and line.count("\n") == 1 and not (tmp_path / "run").exists()


@pytest.mark.parametrize("row", estimators.TABLE, ids=lambda row: row.name)
def test_the_options_of_a_row_are_the_fields_of_its_class(row):
    assert {option.name: option.default for option in row.options} == {
        name: value for name, value in estimators.get(row.name).get_config().items() if name != "name"
    }
    assert all(f"{option.name}," in SETTINGS["estimator_options"].help for option in row.options)


@pytest.mark.parametrize("name", ["rate", "minimum", "decay", "alpha", "beta", "groups", "temperature"])
def test_no_option_of_an_estimator_is_a_flag(name, help_of_train):
    assert f"--{name}" not in {flag for action in help_of_train._actions for flag in action.option_strings}


# ---- config.json


def test_config_json_holds_every_setting():
    content = Config.resolve({}).to_json()
    assert list(content) == list(SETTINGS)
    for name in set(content) - {
        "kl_weight",
        "kl_cycles",
        "penalty_every",
        "ema",
        *GAME,
        *OF_SOURCES,
        *CODES,
        *COMPARED,
    }:
        with pytest.raises(UserError, match=f"settings are missing; received {name}"):
            Config.from_json({other: value for other, value in content.items() if other != name})


GAME = ("cost", "discriminator_steps", "discriminator_learning_rate", "gradient_penalty", "r1_penalty")
CODES = ("autoencoder_epochs", "autoencoder_learning_rate")
COMPARED = ("latent_comparison", "latent_weight")
LIKELIHOOD = (
    "likelihood",
    *COMPARED,
    "estimator",
    "num_samples",
    "kl_weight",
    "kl_warmup",
    "kl_cycles",
    "free_bits",
)


def test_settings_that_do_not_apply_are_none():
    game, plain = Config.resolve({"preset": "gan", "learning_rate": 0.01}), Config.resolve({})
    assert {getattr(game, name) for name in LIKELIHOOD} == {getattr(plain, name) for name in GAME} == {None}
    assert (game.cost, game.discriminator_steps, game.binarize) == ("non-saturating", 1, "none")
    assert game.discriminator_learning_rate == 0.01
    for config in (game, plain):
        assert Config.from_json(config.to_json()) == config
    told = dict(reported(SETTINGS, game.to_json()))
    assert told["Discriminator"] == "1 to each step of the generator, at a learning rate of 0.01"
    assert "KL weight" not in told and "Gradient penalty" not in told
    assert not {"Cost", "Discriminator"} & set(dict(reported(SETTINGS, plain.to_json())))


def test_settings_of_a_comparison_of_codes():
    plain, compared = Config.resolve({}), Config.resolve({"latent_comparison": "mmd"})
    assert (plain.latent_comparison, plain.latent_weight) == ("none", 0.0)
    assert compared.latent_weight == comparisons.latent("mmd").weight
    assert Config.from_json(compared.to_json()) == compared
    told = dict(reported(SETTINGS, compared.to_json()))
    assert told["Comparison of codes"] == "mmd, with weight 100"
    assert "Comparison of codes" not in dict(reported(SETTINGS, plain.to_json()))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"latent_comparison": "mdm"}, "unknown latent_comparison"),
        ({"latent_weight": 2.0}, "latent_weight needs a comparison of codes"),
        ({"latent_comparison": "mmd", "latent_weight": -1.0}, "latent_weight"),
        (
            {"latent_comparison": "mmd", "preset": "draw"},
            "preset draw does not compare its codes; .*as digits",
        ),
        ({"latent_comparison": "mmd", "condition": "label"}, "preset digits does not compare its codes"),
        ({"latent_comparison": "mmd", "preset": "regressor-column"}, "has no latent variables"),
        ({"latent_comparison": "mmd", "preset": "gan"}, "preset gan has no latent comparison"),
        ({"latent_comparison": "mmd", "estimator": "dreg"}, "goes with the evidence lower bound"),
    ],
)
def test_a_comparison_of_codes_that_does_not_fit_is_one_line(settings, says):
    with pytest.raises(UserError, match=says) as caught:
        Config.resolve(settings)
    assert "\n" not in str(caught.value)


def test_settings_of_codes():
    codes = Config.resolve({"preset": "gmmn-autoencoder", "epochs": 9, "learning_rate": 0.01})
    assert (codes.autoencoder_epochs, codes.autoencoder_learning_rate) == (4, 0.01)
    assert Config.from_json(codes.to_json()) == codes
    told = dict(reported(SETTINGS, codes.to_json()))
    assert told["Autoencoder"] == "trained in the first 4 epochs, at a learning rate of 0.01"
    assert {getattr(Config.resolve({"preset": "gmmn"}), name) for name in CODES} == {None}


def test_a_run_of_before_games_loads():
    """Its config.json has none of their settings."""
    plain = Config.resolve({})
    known = {
        name: value
        for name, value in plain.to_json().items()
        if name not in (*GAME, *CODES, *COMPARED, "penalty_every", "ema")
    }
    assert Config.from_json(known) == plain


def test_a_game_of_before_cycles_loads():
    """Its config.json lacks a setting that has a default for other presets, and no meaning for its own."""
    game = Config.resolve({"preset": "gan"})
    known = {name: value for name, value in game.to_json().items() if name not in ("kl_cycles", "ema")}
    assert game.kl_cycles is None and Config.from_json(known) == game


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"preset": "gan", "estimator": "iwae"}, "preset gan has no estimator; expected no --estimator"),
        ({"preset": "gan", "num_samples": 1}, "preset gan has no num samples"),
        ({"cost": "minimax"}, "preset digits has no cost; expected no --cost; .* such as gan"),
        ({"preset": "ring", "r1_penalty": 1.0}, "preset ring has no r1 penalty"),
        ({"preset": "gan", "cost": "least-squares"}, "unknown cost"),
        ({"ema": 0.9}, "preset digits has no ema; expected no --ema; .* such as gan"),
        ({"preset": "nce-ica", "ema": 0.9}, "preset nce-ica has no ema"),
        ({"preset": "gmmn", "ema": 1.0}, "ema is out of range"),
        ({"preset": "gan", "discriminator_steps": 0}, "discriminator_steps"),
        ({"preset": "gan", "gradient_penalty": -1.0}, "gradient_penalty"),
        ({"preset": "gan", "binarize": "dynamic"}, "compared as they are; expected --binarize none"),
        ({"preset": "gan", "patience": 3}, "no metric of its training"),
        ({"preset": "dcgan", "jit": "on"}, "its step is not compiled"),
        ({"preset": "gan", "posterior": "full"}, "takes no other posterior"),
    ],
)
def test_settings_of_the_other_kind_of_model_are_refused_in_one_line(settings, says):
    with pytest.raises(UserError, match=says) as caught:
        Config.resolve(settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("preset", ["gan", "dcgan", "gmmn", "gmmn-autoencoder"])
def test_an_average_may_be_kept_or_not(preset):
    for ema in (None, 0.99):
        config = Config.resolve({"preset": preset, "ema": ema})
        assert config.ema == ema and Config.from_json(config.to_json()) == config
        assert ("Average of the weights" in dict(reported(SETTINGS, config.to_json()))) == (ema is not None)


def test_a_setting_that_applies_must_have_a_value():
    for preset, name in (("gan", "cost"), ("digits", "estimator")):
        settings = Config.resolve({"preset": preset}).to_json() | {name: None}
        with pytest.raises(UserError, match=f"{name} is of the wrong type"):
            Config.from_json(settings)
