"""Log-likelihoods of several models after equal time of training on dynamic MNIST.

    python tests/benchmarks/minutes.py [--seconds 120] [--models NAME ...] [--examples 2000] [--num-samples 1000]

Every model trains alone for as long by the clock, compilation included: Adam from 1e-3 with a cosine over that time,
batches of 100. So short a run rewards fast steps. TFDS_DATA_DIR names the folder of the prepared data sets.
"""

from __future__ import annotations

import argparse
import math
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from reports import markdown, where

from tfvae import evaluation, optimizers, presets
from tfvae.training import data
from tfvae.training.config import Config
from tfvae.training.runs.examples import examples_of

IWAE = {"preset": "burda-1layer", "estimator": "iwae", "num_samples": 5}
MODELS = {
    "burda-1layer": IWAE,
    "burda-2layer": IWAE | {"preset": "burda-2layer"},
    "burda-1layer + IAF": IWAE | {"posterior": "iaf"},
    "burda-1layer + VampPrior": IWAE | {"prior": "vamp"},
    "draw": {"preset": "draw", "estimator": "elbo", "num_samples": 1},
}
RATE, BATCH = 1e-3, 100


class Clock(keras.callbacks.Callback):
    """Follows a cosine over the time that training may take, and stops it then."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds, self.steps = seconds, 0

    def on_train_begin(self, logs=None):
        """Starts the clock."""
        self.began = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        """Sets the rate of the next step."""
        self.steps += 1
        share = min((time.monotonic() - self.began) / self.seconds, 1.0)
        self.model.optimizer.learning_rate.assign(0.5 * RATE * (1.0 + math.cos(math.pi * share)))
        self.model.stop_training = share == 1.0


def trained(options, loaded, seconds):
    """Returns the model and the number of its steps."""
    keras.utils.set_random_seed(0)
    settings = dict(options)
    name = settings.pop("preset")
    model = presets.create(name, image_shape=loaded.image_shape, seed=0, **settings)
    model.likelihood_head.initialize_bias(loaded.mean_pixel())
    pays = presets.get(name).compile_step
    model.compile(optimizers.Adam(RATE), jit_compile=True if pays else "auto")
    clock = Clock(seconds)
    batches = data.training_pipeline(loaded.train.images, batch_size=BATCH, seed=0, binarize="dynamic")
    model.fit(batches, steps_per_epoch=10**6, verbose=0, callbacks=[clock], shuffle=False)
    return model, clock.steps


def main():
    """Prints a row for each model as it is done, and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--num-samples", type=int, default=1000)
    options = parser.parse_args()
    loaded = data.load("mnist", validation_size=400, seed=0)
    config = Config.resolve({"preset": "burda-1layer", "dataset": "mnist"})
    x = examples_of(loaded, config, "test", options.examples).x
    rows = []
    for name in options.models:
        model, steps = trained(MODELS[name], loaded, options.seconds)
        result = evaluation.log_marginal(model, x, options.num_samples)
        nll = f"{result.nll:.2f} ± {result.nll_standard_error:.2f}"
        rows.append([name, f"{steps:,}", nll, f"{np.median(result.effective_sample_size):.1f}"])
        print(*rows[-1], sep=", ", flush=True)
    heads = [
        "model",
        f"steps in {options.seconds:g} s",
        f"NLL (K = {options.num_samples:,}), nats",
        "median ESS",
    ]
    print(f"\n{markdown(heads, rows)}\n\n{where()}")


if __name__ == "__main__":
    main()
