"""Packaging: `training/` and `export/` stand at the top of the repository and install under `tfvae.`."""

from setuptools import setup

SHELVES = [
    "cli",
    "comparisons",
    "distributions",
    "estimators",
    "evaluation",
    "latent",
    "layers",
    "models",
    "networks",
    "plotting",
    "presets",
    "random",
]
LIBRARY = ["", *(f".{name}" for name in SHELVES)]
TRAINING = ["data", "runs", "distribution", "evaluation", "report", "report.rules"]
ROOMS = [
    ".training",
    *(f".training.{name}" for name in TRAINING),
    ".export",
    ".export.serving",
    ".export.web",
]

setup(
    packages=[f"tfvae{room}" for room in LIBRARY + ROOMS],
    package_dir={"tfvae.training": "training", "tfvae.export": "export"},
    package_data={
        "tfvae": ["py.typed"],
        "tfvae.training.distribution": ["cluster/*"],
        "tfvae.training.report": ["templates/*", "templates/sections/*"],
        "tfvae.export.serving": ["compose.yaml", "*.config"],
        "tfvae.export.web": ["index.html"],
    },
)
