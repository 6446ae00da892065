"""The table of sample quality has a line for each run, and one for real examples."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import sample_quality


@pytest.mark.slow
def test_runs_stand_side_by_side(tiny_run, tmp_path, monkeypatch, capsys):
    for name in ("one", "other"):
        shutil.copytree(tiny_run, tmp_path / name)
    runs = [str(tmp_path / name) for name in ("one", "other")]
    monkeypatch.setattr(sys, "argv", ["sample_quality.py", *runs, "--limit", "100"])
    sample_quality.main()
    heads, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("|")
    ]
    assert heads == sample_quality.HEADS and [row[0] for row in rows] == ["one", "other", "test examples"]
    found, again, real = (dict(zip(heads, row, strict=True)) for row in rows)
    assert found["epochs"] == "1" and found["classes"].endswith("of 10")
    assert [found[score] for score in sample_quality.COLUMNS.values()] == [
        again[score] for score in sample_quality.COLUMNS.values()
    ]
    kernel, frechet = (
        [float(row[head].split()[0]) for row in (found, real)] for head in ("KID", "Frechet distance")
    )
    assert kernel[0] > kernel[1] and frechet[0] > frechet[1]
