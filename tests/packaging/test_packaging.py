"""The wheel, the declared dependencies and the guards that keep `training/` and `export/` under `tfvae.`.

Mutations, each seen to break a test here: a package left out of setup.py, the package_dir mapping removed,
the guard of `training/__init__.py` removed, a dependency struck from pyproject.toml, a `tests/__init__.py`.
"""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = {
    "tfvae": "tfvae",
    "training": "tfvae/training",
    "export": "tfvae/export",
}  # folder here: folder installed
DISTRIBUTION_OF = {  # where the module is not named like its distribution
    "PIL": "pillow",
    "google": "protobuf",
    "grpc": "grpcio",
    "sklearn": "scikit-learn",
    "tensorflow_serving": "tensorflow-serving-api",
}


def sources():
    """Yields (file in the checkout, its path once installed) for every Python file that ships."""
    for folder, installed in SHIPPED.items():
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield file, f"{installed}/{file.relative_to(ROOT / folder).as_posix()}"


def pip(*arguments):
    done = subprocess.run([sys.executable, "-m", "pip", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, f"pip {arguments}:\n{done.stdout}\n{done.stderr}"


def python(code, folder):
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder that holds the package as a user's site-packages would: built from a copy, no dependencies."""
    base = tmp_path_factory.mktemp("wheel")
    tree, wheels, site = base / "tree", base / "wheels", base / "site"
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in (*SHIPPED, "tests"):
        shutil.copytree(ROOT / name, tree / name, ignore=unwanted)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree / name)
    pip("wheel", tree, "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", wheels)
    (wheel,) = wheels.iterdir()
    pip("install", wheel, "--no-deps", "--no-index", "--target", site)
    return site


def test_site_packages_gets_one_name(installed):
    names = {path.name for path in installed.iterdir()} - {"bin"}  # bin: the `tfvae` command
    (metadata,) = (name for name in names if re.fullmatch(r"tfvae-[0-9.]+\.dist-info", name))
    assert names == {"tfvae", metadata}
    assert (installed / metadata / "licenses" / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert (installed / "bin" / "tfvae").exists()
    assert (installed / "tfvae" / "py.typed").exists()


def test_every_source_file_is_installed(installed):
    on_disk = {path for _, path in sources()}
    assert on_disk == {path.relative_to(installed).as_posix() for path in installed.rglob("*.py")}
    assert {"tfvae/training/__init__.py", "tfvae/export/__init__.py"} <= on_disk


@pytest.mark.parametrize("room", ["training", "export"])
def test_every_data_file_is_installed(installed, room):
    folder = ROOT / room
    data = {
        f.relative_to(folder) for f in folder.rglob("*") if f.is_file() and f.suffix not in (".py", ".pyc")
    }
    assert not [name for name in data if not (installed / "tfvae" / room / name).is_file()]


def test_every_folder_of_sources_is_a_package():
    bare = {str(file.parent) for file, _ in sources() if not (file.parent / "__init__.py").exists()}
    assert not bare, "folders without __init__.py work in a checkout and are missing from the wheel"


@pytest.mark.parametrize("room", ["training", "export"])
def test_mapped_rooms_are_imported_under_tfvae_alone(installed, room):
    code = f"import sys; sys.path.insert(0, {str(installed)!r}); import tfvae.{room} as m; print(m.__file__)"
    done = python(code, installed.parent)
    assert done.stdout.strip() == str(installed / "tfvae" / room / "__init__.py"), done.stderr
    done = python(f"import {room}", ROOT)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"ImportError: `{room}` is part of tfvae"), done.stderr


def test_tests_is_not_a_package():
    assert not (ROOT / "tests" / "__init__.py").exists(), (
        "with it, pytest would import the bare training and export"
    )


def test_every_import_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = sum(project["optional-dependencies"].values(), project["dependencies"])
    declared = {re.match(r"[\w.-]+", line)[0].lower().replace("_", "-") for line in requirements}
    undeclared = {}
    for file, _ in sources():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            else:
                continue
            for module in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"tfvae"}:
                if DISTRIBUTION_OF.get(module, module).lower().replace("_", "-") not in declared:
                    undeclared.setdefault(module, str(file.relative_to(ROOT)))
    assert not undeclared, (
        "imported, but neither a dependency nor an extra (or not listed in DISTRIBUTION_OF)"
    )
