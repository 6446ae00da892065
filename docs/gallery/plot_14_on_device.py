"""
The same samples on a device and in a server
============================================

An export carries the model's noise as integer arithmetic. Sample i of a seed is the same everywhere.
"""

import tempfile
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

import tfvae
from tfvae import distributions, networks

x = (load_digits().images[..., np.newaxis] > 8).astype("float32")
folder = Path(tempfile.mkdtemp())

keras.utils.set_random_seed(0)
model = tfvae.VAE(
    networks.MLP([128, 128], "tanh"),
    networks.MLP([128, 128], "tanh"),
    posterior=distributions.DiagonalNormal(8),
    likelihood=distributions.Bernoulli((8, 8, 1)),
)
model.compile(keras.optimizers.Adam(2e-3))
model.fit(x, epochs=30, batch_size=100, verbose=0)

# %%
# LiteRT
# ------
# `OnDevice` needs LiteRT and NumPy alone, no TensorFlow.

tfvae.export.save_tflite(model, folder / "digits.tflite", say=lambda line: None)
device = tfvae.export.OnDevice(folder / "digits.tflite")
on_device = device.sample(16, seed=7)
in_process = np.asarray(model.sample(16, seed=7))
print("largest difference:", np.abs(on_device - in_process).max())

# %%
# TensorFlow Serving
# ------------------
# The folder is what `tensorflow_model_server --model_base_path` takes. Its signatures have a batch dimension
# in front, and a seed for each row.

path = tfvae.export.save_serving(model, folder / "serving")
served = tf.saved_model.load(str(path))
for name, signature in served.signatures.items():
    inputs = {key: tuple(value.shape) for key, value in signature.structured_input_signature[1].items()}
    print(f"{name}: {inputs}")

figure, axes = plt.subplots(2, 8, figsize=(8, 2.2))
for axis, image in zip(axes.ravel(), on_device, strict=True):
    axis.imshow(image[..., 0], cmap="gray_r")
    axis.axis("off")
plt.show()
