"""Time of one IWAE step, 784-200-200-50 tanh, batch 100, K = 50, with the backward pass through m particles.

    python tests/benchmarks/backward.py [ROUNDS]

Every round times each m in turn in one process; medians over the rounds and their ratios are printed.
"""

import os
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import tfvae

BATCH, K, STEPS = 100, 50, 10


def main(rounds):
    x = (np.random.default_rng(0).random((BATCH, 28, 28, 1)) < 0.3).astype(np.float32)
    functions = {}
    for m in (1, 5, K):
        model = tfvae.presets.create(
            "burda-1layer", estimator="iwae", num_samples=K, backward_particles=0 if m == K else m
        )
        model.compile(keras.optimizers.Adam(1e-3))
        functions[m] = tf.function(model.train_step, reduce_retracing=True)
        functions[m]((tf.constant(x),))
    times = {m: [] for m in functions}
    for _ in range(rounds):
        for m, step in functions.items():
            began = time.perf_counter()
            for _ in range(STEPS):
                step((tf.constant(x),))
            times[m].append((time.perf_counter() - began) / STEPS * 1e3)
    full = statistics.median(times[K])
    for m, values in times.items():
        median = statistics.median(values)
        print(f"m = {m:2d}: {median:6.1f} ms (best {min(values):6.1f}), full / this = {full / median:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
