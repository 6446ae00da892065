"""What an evaluation measured, whichever one evaluation.json tells."""

from tfvae.training.evaluation.records import Evaluations, told


def last(run):
    """Returns the newest evaluation of a run in the form of evaluation.json, read from its file."""
    found, problems = Evaluations(run).read()
    assert problems == []
    return told([found[-1]], found[-1].model)
