"""Imports point one way between the rooms, and what the command line loads first loads fast.

Mutations, each seen to break a test here: estimators importing models, export importing training, plotting
importing networks, `import keras` at the top of presets/table.py, cli/ importing a model at its top.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOME = {"tfvae": "tfvae", "training": "tfvae.training", "export": "tfvae.export"}  # folder: package

LAYERS = [  # a room may import rooms of the lines above its own, and none of its own line
    {"checks", "files", "compat"},
    {"memory", "examples"},
    {"random", "plotting", "optimizers"},
    {"layers"},
    {"estimators", "comparisons", "distributions"},
    {"networks"},
    {"models"},
    {"evaluation", "presets"},
    {"latent"},
    {"training", "export"},
    {"cli", "registration"},
]
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}
TRAINING = [  # the rooms of training/, and the modules beside them, in the same way
    {"quiet_tensorflow", "settings"},
    {"data"},
    {"defaults", "combinations"},
    {"model_settings", "data_settings", "hardware_settings", "game_settings", "matching_settings"},
    {"config", "schedules", "progress", "stopping"},
    {"optimisers"},
    {"runs", "distribution"},
    {"callbacks", "choosing"},
    {"fitting", "evaluation", "introduction", "named_callbacks", "capacity"},
    {"loop", "report"},
]
TRAINING_RANK = {room: rank for rank, rooms in enumerate(TRAINING) for room in rooms}
ONLY = {"plotting": {"checks", "files"}}  # rooms that may import less than their line allows
WITHOUT = {  # third-party modules that a room must do without, wherever in it the import stands
    "checks": {"tensorflow", "keras", "tensorflow_probability"},
    "estimators": {"keras", "tensorflow_probability"},
    "comparisons": {"keras", "tensorflow_probability"},
    "plotting": {"tensorflow", "keras", "tensorflow_probability"},
}

SLOW = {"tensorflow", "keras", "tensorflow_probability", "tensorflow_datasets", "sklearn", "matplotlib"}
FAST = [
    "tfvae/__init__.py",
    "tfvae/checks.py",
    "tfvae/compat.py",
    "tfvae/files.py",
    "tfvae/memory.py",
    "tfvae/registration.py",
    *(file.relative_to(ROOT).as_posix() for file in sorted((ROOT / "tfvae/presets").glob("*.py"))),
    *(
        f"tfvae/cli/{name}.py"
        for name in (
            "__init__",
            "arguments",
            "parsing",
            "settings",
            "train",
            "evaluate",
            "summary",
            "sample",
            "encode",
            "score",
            "reconstruct",
            "new_data",
            "bar",
            "latent",
            "export",
            "info",
            "output",
        )
    ),
    "tfvae/estimators/__init__.py",
    "tfvae/estimators/catalog.py",
    "tfvae/estimators/checks.py",
    "tfvae/comparisons/__init__.py",
    "tfvae/comparisons/catalog.py",
    "tfvae/estimators/options.py",
    "training/__init__.py",
    "training/config.py",
    "training/runs/__init__.py",
    "training/runs/directory.py",
    "training/runs/lock.py",
    "training/runs/claims.py",
    "training/runs/checkpoint.py",
    "training/data/npy.py",
    "training/data/npz.py",
    "training/runs/strict_json.py",
    "training/data/__init__.py",
    "training/data/dataset.py",
    *(
        f"training/distribution/{name}.py"
        for name in ("__init__", "strategy", "multiworker", "launcher", "processes", "heartbeat", "tf_config")
    ),
    "export/__init__.py",
]


def module_of(file):
    """tfvae/models/vae.py -> tfvae.models.vae; training/__init__.py -> tfvae.training."""
    folder, *rest = file.relative_to(ROOT).with_suffix("").parts
    return ".".join([HOME[folder], *rest]).removesuffix(".__init__")


def imports(file, nodes=None):
    """Yields (line, dotted name) of what a file imports; `from a import b` gives a.b."""
    package = module_of(file).split(".")
    if file.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(file.read_text())) if nodes is None else nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{prefix}.{alias.name}") for alias in node.names)


def at_import_time(node):
    """Yields the nodes that run at import: all but bodies of functions and of `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from at_import_time(child)


FILES = [file for folder in HOME for file in sorted((ROOT / folder).rglob("*.py"))]
ROOMS = [file for file in FILES if module_of(file) != "tfvae"]


@pytest.mark.parametrize("file", ROOMS, ids=module_of)
def test_imports_point_one_way(file):
    room = module_of(file).split(".")[1]
    assert room in RANK, f"a new room, {room}: give it a line in LAYERS"
    for line, name in imports(file):
        where = f"{file.relative_to(ROOT)}:{line}: {room} imports {name}"
        top, _, rest = name.partition(".")
        assert top not in ("training", "export"), f"{where}: the installed name is tfvae.{top}"
        assert top not in WITHOUT.get(room, ()), where
        if top != "tfvae":
            continue
        other = rest.partition(".")[0]
        if other not in RANK:
            assert room == "cli", (
                f"{where}: not a room; a public name of tfvae/__init__.py hides where it is from"
            )
        elif other != room:
            assert RANK[other] < RANK[room], where
            assert other in ONLY.get(room, RANK), where


@pytest.mark.parametrize("file", sorted((ROOT / "training").rglob("*.py")), ids=module_of)
def test_imports_inside_training_point_one_way(file):
    room = module_of(file).split(".")[2:3]
    if not room:
        return
    assert room[0] in TRAINING_RANK, f"a new room, {room[0]}: give it a line in TRAINING"
    for line, name in imports(file):
        if not name.startswith("tfvae.training."):
            continue
        other = name.split(".")[2]
        where = f"{file.relative_to(ROOT)}:{line}: {room[0]} imports {other}"
        if other != room[0]:
            assert TRAINING_RANK[other] < TRAINING_RANK[room[0]], where


def test_the_table_of_rooms_reads_real_imports(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    file = tmp_path / "tfvae" / "models" / "vae.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "import keras\nfrom tfvae import random\nfrom . import base\ndef f():\n from ..networks import MLP\n"
    )
    assert list(imports(file)) == [
        (1, "keras"),
        (2, "tfvae.random"),
        (3, "tfvae.models.base"),
        (5, "tfvae.networks.MLP"),
    ]
    assert [line for line, _ in imports(file, at_import_time(ast.parse(file.read_text())))] == [1, 2, 3]


def fast_files():
    files = [ROOT / name for name in FAST if (ROOT / name).exists()]
    assert files
    return files


@pytest.mark.parametrize("file", fast_files(), ids=module_of)
def test_no_slow_import_at_the_top(file):
    slow = [
        f"{file.relative_to(ROOT)}:{line} imports {name}"
        for line, name in imports(file, at_import_time(ast.parse(file.read_text())))
        if name.partition(".")[0] in SLOW
    ]
    assert not slow


def test_fast_files_load_nothing_slow():
    modules = [module_of(file) for file in fast_files()]
    code = f"import sys\nimport {', '.join(modules)}\nprint(sorted({SLOW} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr or f"importing {modules} loads {done.stdout}"
