"""
A run and its report
====================

What the command line does, called from Python: a run directory is trained, evaluated, and described in one
page.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

run = Path(tempfile.mkdtemp()) / "run"


def tfvae(*arguments):
    command = [Path(sys.executable).with_name("tfvae"), *arguments]
    print(subprocess.run(command, capture_output=True, text=True, check=True).stdout[-800:])


tfvae("train", "--epochs", "20", "--run-dir", str(run))
tfvae("evaluate", str(run), "--num-samples", "500", "--full")

# %%
# Everything that was measured is in `evaluation.json`: see :doc:`the run directory </run_directory>`.

evaluation = json.loads((run / "evaluation.json").read_text())
for key in ("nll", "nll_standard_error", "elbo", "active_units", "pareto_k", "coverage", "coverage_real"):
    print(f"{key}: {evaluation[key]:.3g}")

# %%
# `report.html` holds these numbers with what they mean, the figures, and a list of what to distrust. Here is
# one of its figures.

images = sorted((run / "figures").glob("*.png"))
print([path.name for path in images])
plt.figure(figsize=(6, 6))
plt.imshow(plt.imread(next(path for path in images if "samples" in path.name)))
plt.axis("off")
plt.show()
