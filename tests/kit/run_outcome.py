"""What a run leaves, to compare with what another one left."""

import csv
import zipfile
from pathlib import Path

from tfvae.training.runs import checkpoint
from tfvae.training.runs.directory import RunDirectory


def arguments(settings):
    return [text for name, value in settings.items() for text in (f"--{name.replace('_', '-')}", str(value))]


def outcome(folder):
    """Bytes of the trained weights, of the last state of model and optimiser, and history.csv without its seconds."""
    run = RunDirectory(folder)
    with zipfile.ZipFile(run.model_file) as archive:
        weights = archive.read("model.weights.h5")
    last = sorted(run.checkpoints.iterdir())[-1]
    arrays = [(array.dtype.str, array.shape, array.tobytes()) for array in checkpoint.load(last).arrays]
    with open(run.history_file, newline="") as file:
        rows = [
            {name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)
        ]
    return weights, last.name, arrays, rows


def assert_same_outcome(folder, reference):
    weights, last, arrays, rows = outcome(folder)
    expected_weights, expected_last, expected_arrays, expected_rows = outcome(reference)
    assert rows == expected_rows
    assert last == expected_last
    assert arrays == expected_arrays
    assert weights == expected_weights
    left = [path for path in Path(folder).rglob("*") if path.name.startswith(".")]
    assert not left
