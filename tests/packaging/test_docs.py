"""The documentation builds without a warning, and its API pages hold every public name."""

import dataclasses
import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="needs the extra docs")
from sphinx.util.inventory import InventoryFile

ROOT = Path(__file__).parents[2]
ROOMS = (
    "comparisons",
    "distributions",
    "estimators",
    "evaluation",
    "export",
    "models",
    "networks",
    "plotting",
    "presets",
)

WITHOUT = {  # an example would take 2,000 steps
    "tfvae.evaluation.embed",
    "tfvae.evaluation.train_features",
}


@pytest.mark.slow
def test_the_site_builds_and_knows_every_public_name(tmp_path):
    """Without the gallery's examples, which `make docs` executes."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    command += ["-D", "sphinx_gallery_conf.plot_gallery=0", "-d", str(tmp_path / "doctrees")]
    done = subprocess.run(
        [*command, str(ROOT / "docs"), str(tmp_path / "html")],
        env=os.environ | {"PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with (tmp_path / "html/objects.inv").open("rb") as file:
        known = {name for kind in InventoryFile.load(file, "", os.path.join).values() for name in kind}
    for room in ROOMS:
        module = importlib.import_module(f"tfvae.{room}")
        names = [name for name in module.__all__ if callable(getattr(module, name))]
        missing = [name for name in names if f"tfvae.{room}.{name}" not in known]
        assert not missing, f"docs/api/{room}.rst lacks {missing}"


def test_every_public_name_has_an_example():
    """Of what is called by users: functions, and classes that they make, not records that functions return."""
    without = []
    for room in ROOMS:
        module = importlib.import_module(f"tfvae.{room}")
        for name in module.__all__:
            it = getattr(module, name)
            returned = dataclasses.is_dataclass(it) or inspect.isabstract(it)
            if callable(it) and not returned and "Example:" not in (inspect.getdoc(it) or ""):
                without.append(f"tfvae.{room}.{name}")
    assert set(without) == WITHOUT
