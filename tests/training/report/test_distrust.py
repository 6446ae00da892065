"""What to distrust: each rule speaks up where it must, is content where it may be, and silent where it cannot know.

Mutations, each seen to break a test here: the comparison with GAP or SETTLED turned round, the share of few particles
not looked at, a rule left out of RULES, train and test exchanged in `overfitting`, the better of two estimates named
as the worse one, the sign of the Frechet distance.
"""

import pytest
from kit import report_stories

from tfvae.training.report import rules

HISTORY_RISING = [{"epoch": n, "bound": -100.0 + 2.0 * n} for n in range(1, 21)]
DENSE = {"likelihood": "normal", "binarize": "none"}
AIS = {
    "method": "ais",
    "num_chains": 16,
    "num_temperatures": 500,
    "init": "prior",
    "effective_chains": 12.0,
    "importance_nll": 86.46,
}

WON = {"real_output": 0.95, "fake_output": 0.05, "output_gradient": 2.0}
STUCK = [{"output_gradient": 2.0}, {"real_output": 0.8, "fake_output": 0.05, "output_gradient": 0.01}]

FIRED = {  # heading: what a story is changed by to earn it
    "The discriminator has won.": {"config": {"cost": "minimax"}, "history": [WON]},
    "The generator is saturated.": {"config": {"cost": "minimax"}, "history": STUCK},
    "Modes are left out.": {"result": {"coverage": 0.2}, "facts": {"compares": "critic"}},
    "Few particles carry the likelihood.": {"result": {"effective_sample_size": 9.0}},
    "The weights have a heavy tail.": {"result": {"pareto_k": 0.8, "unreliable_share": 0.06}},
    "K = 100 is small.": {"result": {"num_samples": 100}},
    "The error bar is made of particles.": {"result": {"nll_monte_carlo_standard_error": 0.2}},
    "Few chains carry the likelihood.": {"result": AIS | {"effective_chains": 3.0}},
    "Two estimates of the likelihood disagree.": {"result": AIS | {"importance_nll": 87.0}},
    "The observation scale is rough.": {"result": {"scale_effective_chains": 1.5, "scale_chains": 8}},
    "The learned log-normaliser is off.": {
        "result": {
            "log_normalizer": 1.87,
            "log_normalizer_standard_error": 0.003,
            "learned_log_normalizer": 2.4,
        }
    },
    "The bounds on the likelihood lie far apart.": {"result": AIS | {"simulated_gap": 2.0}},
    "Only 359 examples.": {
        "result": {"num_examples": 359},
        "facts": {"sizes": {"test": 359}},
    },
    "A part of the test set.": {"result": {"num_examples": 5000}},
    "Evaluated on the train set.": {
        "result": {"split": "train"},
        "facts": {"sizes": {"train": 10000}},
    },
    "Evaluated on the validation set.": {"result": {"split": "validation"}},
    "The bound is loose.": {"result": {"inference_gap": 6.0}},
    "The best q was not reached.": {"result": {"gap_converged": False}},
    "The inference gap is too small.": {"result": {"gap_effective_sample_size": 2.0}},
    "The model is overfitted.": {"result": {"train_elbo": -80.0}},
    "Training had not settled.": {"history": HISTORY_RISING},
    "The latents have collapsed.": {"result": {"active_units": 0}},
    "Idle latent units.": {"result": {"active_units": 5}},
    "Samples were judged value by value.": {"result": {"features": "pixels", "features_accuracy": None}},
    "Weak features.": {"result": {"features_accuracy": 0.5}},
    "Samples judged by 100.": {"result": {"quality_examples": 100}},
    "Means were judged in the place of samples.": {"result": {"samples": "means"}},
    "Samples beat real data.": {"result": {"precision": 0.9}},
    "Nats of a density.": {"config": DENSE, "without": ["bits_per_dimension"]},
    "Grey pixels under a Bernoulli likelihood.": {"config": {"binarize": "none"}},
}


def headings(fired, **changes):
    return [
        found.heading for found in rules.findings(report_stories.story(**changes)) if found.fired == fired
    ]


def test_a_good_evaluation_earns_no_finding():
    assert headings(True) == []
    assert len(headings(False)) >= 15


@pytest.mark.parametrize("heading", FIRED)
def test_each_rule_fires_alone(heading):
    assert headings(True, **FIRED[heading]) == [heading]


def test_every_rule_is_seen_to_fire():
    fired = {
        rule
        for changes in FIRED.values()
        for rule in rules.RULES
        if (found := rule(report_stories.story(**changes))) is not None and found.fired
    }
    assert fired == set(rules.RULES)


def test_other_ways_to_fire():
    many_small = {"effective_sample_size_histogram": {"edges": [1.0, 10.0, 5000.0], "counts": [40, 60]}}
    assert headings(True, result=many_small) == ["Few particles carry the likelihood."]
    assert headings(True, result={"rate": 0.01}) == ["The latents have collapsed."]
    assert headings(True, result={"frechet": 0.1}) == ["Samples beat real data."]
    assert headings(True, result={"recall": 0.9}) == []


def test_a_heavy_tail_counts_where_the_estimate_is_one_of_particles():
    heavy = {"pareto_k": 0.8, "unreliable_share": 0.3}
    assert headings(True, result=AIS | heavy) == []
    assert headings(True, result=heavy | {"unreliable_share": 0.04}) == []
    (found,) = [item for item in rules.findings(report_stories.story(result=heavy)) if item.fired]
    assert "30.0% of the examples are above 0.70" in found.text and "--method ais" in found.text
    discrete = report_stories.story(result=heavy, facts={"latents": "discrete"})
    (found,) = [item for item in rules.findings(discrete) if item.fired]
    assert "--method ais" not in found.text


@pytest.mark.parametrize(("latents", "told"), [("continuous", True), ("discrete", False)])
def test_annealing_is_advised_where_there_is_a_path_for_it(latents, told):
    few = report_stories.story(result={"effective_sample_size": 9.0}, facts={"latents": latents})
    (found,) = [found for found in rules.findings(few) if found.fired]
    assert found.text.startswith("In this run the median example has 9.0 effective particles of 5,000")
    assert ("annealed importance sampling" in found.text) == told


def test_differences_within_their_errors_are_none():
    assert headings(True, result={"train_elbo": -85.0, "train_elbo_standard_error": 2.0}) == []
    assert headings(True, result={"train_elbo": -95.0}) == []
    assert headings(True, result={"precision": 0.9, "precision_standard_error": 0.2}) == []
    assert headings(True, result=AIS | {"importance_nll": 86.5}) == []


@pytest.mark.parametrize(("other", "worse"), [(88.0, "importance"), (85.0, "annealed importance")])
def test_the_worse_of_two_estimates_is_named(other, worse):
    found = rules.likelihood.annealing_disagrees(report_stories.story(result=AIS | {"importance_nll": other}))
    assert f"that of {worse} sampling is the worse one" in found.text


def test_particles_are_no_matter_where_chains_were_run():
    assert headings(True, result=AIS | {"effective_sample_size": 1.5, "num_samples": 10}) == []
    noisy = AIS | {"nll_monte_carlo_standard_error": 0.2}
    assert headings(True, result=noisy) == ["The error bar is made of chains."]


def test_rules_are_silent_where_numbers_are_missing():
    exact = dict.fromkeys(report_stories.RESULT) | {
        "nll": 20.0,
        "nll_standard_error": 0.2,
        "num_examples": 10000,
        "split": "test",
    }
    assert headings(True, result=exact, history=[]) == []
    assert headings(False, result=exact, history=[]) == ["Examples:", "The split:", "Held out:"]
    assert headings(True, result={"nll_standard_error": None, "train_elbo_standard_error": None}) == []


def test_what_a_finding_says_is_what_was_found():
    def told(heading, **result):
        found = rules.findings(report_stories.story(result=result))
        return next(item.text for item in found if item.heading == heading)

    assert told("The bound is loose.", inference_gap=6.0).startswith("It lies 6.0")
    assert "latent units follow the data: the decoder ignores" in told(
        "The latents have collapsed.", active_units=0
    )
    collapsed = told("The latents have collapsed.", rate=0.05)
    assert "follow the data" not in collapsed and collapsed.startswith("The codes hold 0.05 nats")
