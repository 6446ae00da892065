"""Packaging: `training/` and `export/` stand at the top of the repository and install under `tfvae.`."""

from setuptools import setup

SHELVES = [
    "cli",
    "distributions",
    "estimators",
    "evaluation",
    "layers",
    "models",
    "networks",
    "plotting",
    "presets",
]
LIBRARY = ["", *(f".{name}" for name in SHELVES)]
ROOMS = [".training", ".training.report", ".export", ".export.serving", ".export.web"]

setup(
    packages=[f"tfvae{room}" for room in LIBRARY + ROOMS],
    package_dir={"tfvae.training": "training", "tfvae.export": "export"},
    package_data={
        "tfvae": ["py.typed"],
        "tfvae.training": ["cluster/*"],
        "tfvae.training.report": ["page.html"],
        "tfvae.export.serving": ["compose.yaml", "*.config"],
        "tfvae.export.web": ["index.html"],
    },
)
