"""README.md and the pages are true: code runs, commands parse, tables are those of the code."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from tfvae import estimators, export, presets
from tfvae.cli.arguments import parser

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = sorted((ROOT / "docs").rglob("*.md"))


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def estimator_table():
    lines = [
        "| estimator | bound | bias of its gradient | latents | cost in steps with K = 1 | paper |",
        "|---|---|---|---|---|---|",
    ]
    for row in estimators.TABLE:
        cells = [f"`{row.name}`", row.bound, row.bias, row.latents, row.cost, row.paper]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def test_the_table_of_estimators_is_the_catalogue():
    page = (ROOT / "docs/choose.md").read_text("utf-8")
    assert f"<!-- estimators -->\n{estimator_table()}\n<!-- /estimators -->" in page, estimator_table()


def test_every_preset_is_named():
    assert all(f"`{name}`" in README for name in presets.names())


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_linked_files_exist(page):
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))
    made = [target for target in targets if target.startswith("auto_gallery/")]
    assert [target for target in targets if target not in made and not (page.parent / target).exists()] == []


def test_the_readme_links_each_page_of_a_model():
    assert all(
        f"docs/models/{page.name})" in README
        for page in PAGES
        if page.parent.name == "models" and page.stem != "index"
    )


@pytest.mark.slow
def test_the_python_example_runs(capsys):
    code, _ = blocks("python")
    exec(compile(code, "README.md", "exec"), {})
    value, error = re.fullmatch(
        r"(.*) \+- (.*) nats", capsys.readouterr().out.strip().splitlines()[-1]
    ).groups()
    assert 10 < float(value) < 30
    assert 0 < float(error) < 1


@pytest.mark.slow
def test_the_on_device_example_gives_the_samples_of_the_model(tmp_path, monkeypatch):
    _, code = blocks("python")
    model = presets.create("digits")
    export.save_tflite(model, tmp_path / "model.tflite")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    np.testing.assert_allclose(names["samples"], model.sample(16, seed=7), atol=1e-5)


@pytest.mark.parametrize("line", [line for block in blocks("bash") for line in block.splitlines() if line])
def test_every_command_exists(line):
    command, *arguments = shlex.split(line, comments=True)
    if command == "make":
        makefile = (ROOT / "Makefile").read_text("utf-8")
        assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in arguments)
    else:
        assert command == "tfvae"
        parser().parse_args(arguments)
