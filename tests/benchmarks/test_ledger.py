"""The ledger's program trains, evaluates and enters a row, and takes up one that was interrupted.

Mutations, each seen to break a test here: steps counted as epochs, a row that overwrites the last one, a finished run
that is trained anew.
"""

import re
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import generators
import ledger

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"\| `([\w-]+)`.* \|")


HEAD = f"| {' | '.join(ledger.HEADS)} |"


def tables(file):
    """Each table of a file as its lines."""
    text = "\n".join(line if line.startswith("|") else "" for line in file.read_text("utf-8").splitlines())
    return [table.split("\n") for table in re.split(r"\n\n+", text.strip())]


def test_every_line_of_the_ledger_is_of_a_row_that_can_be_run_again():
    programs = (ledger, generators)
    for program, (heads, _, *rows) in zip(programs, tables(ROOT / "LEDGER.md"), strict=True):
        assert [cell.strip() for cell in heads.strip("|").split("|")] == program.HEADS
        for row in rows:
            assert len(row.strip("|").split("|")) == len(program.HEADS)
            assert LINE.fullmatch(row)[1] in program.ROWS


@pytest.mark.slow
def test_a_row_is_trained_evaluated_and_entered(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "SHARED", {"preset": "digits", "latent_size": 2, "figures_every": 0})
    monkeypatch.setattr(ledger, "PARTICLES", 10)
    row = ledger.Row("small digits", 20.0, "nobody", {"dataset": "digits", "epochs": 2, "batch_size": 200})
    monkeypatch.setattr(ledger, "ROWS", {"small": row})
    out = tmp_path / "LEDGER.md"
    out.write_text(f"{HEAD}\n| kept |\n\n| another table |\n")

    def call(*more):
        monkeypatch.setattr(
            sys, "argv", ["ledger.py", "small", "--runs", str(tmp_path), "--out", str(out), *more]
        )
        ledger.main()

    call("--train-only")
    assert tables(out)[0] == [HEAD, "| kept |"]
    model = (tmp_path / "small" / "model.keras").stat().st_mtime_ns
    call()
    call()
    (_, kept, first, second), other = tables(out)
    assert kept == "| kept |" and first == second and other == ["| another table |"]
    cells = dict(zip(ledger.HEADS, (cell.strip() for cell in first.strip("|").split("|")), strict=True))
    assert cells["row"] == "`small`: small digits" and cells["published, nats"] == "20.00 (nobody)"
    assert cells["steps"] == "14 of batch 200"
    assert re.fullmatch(r"\d\d\.\d\d ± 0\.\d\d", cells["ours, nats"])
    assert (tmp_path / "small" / "model.keras").stat().st_mtime_ns == model
