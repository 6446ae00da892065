"""The report of a game: its own sections and rules, and none of those of a VAE.

Mutations, each seen to break a test here: thresholds turned round; a critic's outputs taken for probabilities; the
whole course in place of its end; sections of a VAE among those that are named as absent.
"""

import shutil

import pytest
from kit import report_stories

from tfvae import cli
from tfvae.training.config import Config
from tfvae.training.evaluation import observation
from tfvae.training.report import rules
from tfvae.training.report.page import page
from tfvae.training.runs.directory import RunDirectory

BALANCED = {"real_output": 0.55, "fake_output": 0.45, "output_gradient": 2.0}
WON = {"real_output": 0.97, "fake_output": 0.02}
OF_A_VAE = (
    "inference gap",
    "Rate and distortion",
    "Reconstructions",
    "latent map",
    "Active units",
    "codes know",
)


def story(end=(), result=None, **settings):
    """A game that was balanced for eighteen epochs and ended in another way."""
    history = [{"epoch": n} | BALANCED | (dict(end) if n > 18 else {}) for n in range(1, 21)]
    config = Config.resolve({"preset": "gan"} | settings).to_json()
    facts = {"compares": "critic", "latents": None, "model": "GAN"}
    return report_stories.story(history=history, config=config, facts=facts, result=result)


def fired(content):
    return {finding.heading for finding in rules.findings(content) if finding.fired}


@pytest.mark.parametrize(
    ("end", "cost", "expected"),
    [
        ({}, "minimax", set()),
        (WON, "minimax", {"The discriminator has won."}),
        (
            WON | {"output_gradient": 0.01},
            "minimax",
            {"The discriminator has won.", "The generator is saturated."},
        ),
        ({"output_gradient": 0.01}, "minimax", set()),
        ({"real_output": 0.97}, "non-saturating", set()),
        (WON | {"output_gradient": 0.01}, "hinge", set()),
    ],
)
def test_what_the_curves_say(end, cost, expected):
    found = fired(story(end, cost=cost)) & {"The discriminator has won.", "The generator is saturated."}
    assert found == expected


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({}, False),
        ({"coverage": 0.2}, True),
        ({"recall": 0.1}, True),
        ({"recall": 0.4}, False),
        ({"classes_covered": 8, "num_classes": 10}, True),
        ({"classes_covered": 10, "num_classes": 10}, False),
        ({"classes_covered": 8, "num_classes": 10, "quality_examples": 100}, False),
    ],
)
def test_modes_that_are_left_out(result, expected):
    assert ("Modes are left out." in fired(story(result=result))) == expected
    plain = report_stories.story(result={"coverage": 0.1})
    assert all("Modes" not in finding.heading for finding in rules.findings(plain))


@pytest.mark.parametrize(("learned", "expected"), [(1.0, False), (1.05, False), (1.5, True), (0.5, True)])
def test_a_log_normaliser_that_was_learned_wrongly(learned, expected):
    result = {
        "log_normalizer": 1.02,
        "log_normalizer_standard_error": 0.01,
        "learned_log_normalizer": learned,
    }
    assert ("The learned log-normaliser is off." in fired(report_stories.story(result=result))) == expected


def test_the_page_has_the_game_and_no_sections_of_a_vae(tiny_game, tmp_path, monkeypatch):
    monkeypatch.setattr(observation, "EXAMPLES", 12)
    monkeypatch.setattr(observation, "SETTINGS", {"num_temperatures": 10, "num_chains": 3, "seed": 0})
    run = RunDirectory(shutil.copytree(tiny_game, tmp_path / "game"))
    few = ["--limit", "60", "--num-temperatures", "10", "--chains", "3"]
    assert cli.main(["evaluate", str(run.path), "--full", *few]) == 0
    text = run.report_file.read_text().partition("evaluation.json</summary>")[0]
    for heading in ("The game", "Samples in the course of training", "Observation scale"):
        assert heading in text
    assert not [heading for heading in OF_A_VAE if heading in text]
    assert "estimator" not in text and "q(z|x)" not in text
    plain = page(report_stories.story())
    assert "The game" not in plain and "Reconstructions" in plain
