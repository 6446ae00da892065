"""Names that are imported on first use are known to type checkers and editors."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import tfvae
import tfvae.export

ROOT = Path(__file__).parents[1]


def bound_for_type_checkers(module):
    """Returns the names that the `if TYPE_CHECKING` imports of a module bind."""
    tree = ast.parse(Path(module.__file__).read_text())
    blocks = [
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    return {alias.name for block in blocks for node in block.body for alias in node.names}


@pytest.mark.parametrize("module", [tfvae, tfvae.export], ids=lambda module: module.__name__)
def test_type_checkers_see_every_lazy_name(module):
    assert bound_for_type_checkers(module) == set(module.__all__) - {"__version__"}
    assert all(hasattr(module, name) for name in module.__all__)
    assert dir(module) == sorted(module.__all__)


def test_the_models_are_those_of_their_room():
    models = importlib.import_module("tfvae.models")
    classes = {name for name in tfvae.__all__ if name[0].isupper()}
    assert all(getattr(tfvae, name) is getattr(models, name) for name in classes)
    with pytest.raises(AttributeError, match="no attribute 'VEA'"):
        _ = tfvae.VEA


@pytest.mark.slow
def test_mypy_knows_the_classes_and_refuses_other_names(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import tfvae, tfvae.export\nreveal_type(tfvae.VAE)\nreveal_type(tfvae.export.OnDevice)\ntfvae.VEA\n"
    )
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", str(script)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    revealed = [line for line in found.splitlines() if "Revealed type" in line]
    assert len(revealed) == 2 and "tfvae.models.vae.VAE" in revealed[0] and "OnDevice" in revealed[1], found
    assert 'Module has no attribute "VEA"' in found
