"""The program of the likelihood scale trains, keeps, evaluates and enters a row of each kind of model."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import generators


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ("vae-10", "gmmn-autoencoder") else pytest.mark.nightly)
        for name in generators.ROWS
    ],
)
def test_a_row_is_trained_once_and_entered(name, tmp_path, monkeypatch):
    for key, value in {
        "LIMIT": 6,
        "SIMULATED": 2,
        "SAMPLES": 20,
        "WIDTHS": (8,),
        "LATENTS": 2,
        "CODED_EPOCHS": 1,
    }.items():
        monkeypatch.setattr(generators, key, value)
    monkeypatch.setattr(generators, "CHAINS", {"num_temperatures": 10, "num_chains": 2})
    head = f"| {' | '.join(generators.HEADS)} |"
    (tmp_path / "out.md").write_text(f"{head}\n|{' --- |' * len(generators.HEADS)}\n\n| another table |\n")
    words = ["generators.py", name, "--runs", str(tmp_path), "--out", str(tmp_path / "out.md")]
    monkeypatch.setattr(sys, "argv", [*words, "--epochs", "1", "--dataset", "digits"])
    generators.main()
    model = (tmp_path / f"{name}.keras").stat().st_mtime_ns
    heads, _, line, *rest = (tmp_path / "out.md").read_text("utf-8").splitlines()
    cells = dict(zip(generators.HEADS, (cell.strip() for cell in line.strip("|").split("|")), strict=True))
    assert heads == head and cells["row"] == f"`{name}`" and rest == ["", "| another table |"]
    assert float(cells["AIS, nats"].split()[0]) < float(cells["ceiling"]) and float(cells["scale^2"]) > 0
    assert (tmp_path / f"{name}.keras").stat().st_mtime_ns == model
