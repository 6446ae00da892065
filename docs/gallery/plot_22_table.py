"""
A table
=======

A .csv file with a header, trained and sampled from the command line: samples have the columns and the units
of the file. See :doc:`your own data </own_data>`.
"""

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

folder = Path(tempfile.mkdtemp())

# %%
# Thirty measurements of 569 tumours, and whether they are malignant.

tumours = load_breast_cancer()
with open(folder / "tumours.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow([*tumours.feature_names, "diagnosis"])
    for row, label in zip(tumours.data, tumours.target, strict=True):
        writer.writerow([*row, tumours.target_names[label]])

# %%
# The column of the diagnosis is kept out of the model: it colours the latent map. Without `--preset` the
# command takes `tabular`, a small network whose likelihood has a scale for each column.


def tfvae(*arguments):
    done = subprocess.run(
        [Path(sys.executable).with_name("tfvae"), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    print(done.stderr[:900] or done.stdout)


run = folder / "run"
data = ["--dataset", folder / "tumours.csv", "--label-column", "diagnosis"]
tfvae("train", *data, "--epochs", 100, "--run-dir", run)

# %%
# Training rows beside samples, pair by pair, and the codes of held-out rows.

figure, axes = plt.subplots(1, 2, figsize=(13, 6.5))
for axis, name in zip(axes, ("pairs", "latent_map"), strict=True):
    axis.imshow(plt.imread(run / "figures" / f"{name}.png"))
    axis.axis("off")
plt.tight_layout()
plt.show()

# %%
# Samples as a table.

tfvae("sample", run, "-n", 1000, "--out", folder / "samples.csv")
with open(folder / "samples.csv", newline="") as file:
    samples = list(csv.DictReader(file))
for name, values in zip(tumours.feature_names[:4], tumours.data.T, strict=False):
    drawn = np.array([float(row[name]) for row in samples])
    print(
        f"{name:15} data {values.mean():7.2f} +- {values.std():6.2f}, samples {drawn.mean():7.2f} +- {drawn.std():6.2f}"
    )
