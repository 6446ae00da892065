"""
A folder of images
==================

Images in folders, trained and drawn from the command line. Sub-folders are classes, and their names stand
in the figures. See :doc:`your own data </own_data>`.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw

folder = Path(tempfile.mkdtemp())

# %%
# Discs and squares of any colour, 40 pixels wide and 32 high. Any images will do.

rng = np.random.default_rng(0)
for kind in ("disc", "square"):
    (folder / "shapes" / kind).mkdir(parents=True)
    for index in range(250):
        picture = Image.new("RGB", (40, 32), tuple(map(int, rng.integers(150, 256, 3))))
        x, y, r = rng.uniform(12, 28), rng.uniform(10, 22), rng.uniform(4, 9)
        draw = ImageDraw.Draw(picture).ellipse if kind == "disc" else ImageDraw.Draw(picture).rectangle
        draw((x - r, y - r, x + r, y + r), fill=tuple(map(int, rng.integers(0, 120, 3))))
        picture.save(folder / "shapes" / kind / f"{index:03d}.png")

# %%
# One command. The images are cropped and resized to 26 x 26 pixels, which two strided convolutions do not
# divide: the decoder crops what is too much. The first lines tell what was chosen for these images.


def tfvae(*arguments):
    done = subprocess.run(
        [Path(sys.executable).with_name("tfvae"), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    print(done.stderr[:900])


run = folder / "run"
options = ["--image-size", 26, "--batch-size", 20, "--epochs", 40]
tfvae("train", "--dataset", f"{folder}/shapes/", *options, "--run-dir", run)

# %%
# Held-out images above their reconstructions, and their codes with the names of the classes.

figure, axes = plt.subplots(1, 2, figsize=(13, 5))
for axis, name in zip(axes, ("reconstructions", "latent_map"), strict=True):
    axis.imshow(plt.imread(run / "figures" / f"{name}.png"))
    axis.axis("off")
plt.tight_layout()
plt.show()
