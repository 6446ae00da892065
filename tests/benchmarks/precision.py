"""Time of one training step, 784-200-200-50 tanh, batch 100, K in {1, 5, 50}: in each precision, with XLA and without.

    python tests/benchmarks/precision.py [ROUNDS]

Every round times each way in turn in one process; the median and the best of the rounds are printed, with their ratio
to single precision without XLA, and the seconds that the first step took.
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

BATCH, STEPS = 100, {1: 40, 5: 15, 50: 4}
WAYS = [(policy, jit) for policy in ("float32", "mixed_bfloat16", "mixed_float16") for jit in (False, True)]


def step_of(policy, jit, num_samples):
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(policy)
    estimator = "iwae" if num_samples > 1 else "elbo"
    model = tfvae.presets.create("burda-1layer", estimator=estimator, num_samples=num_samples)
    keras.config.set_dtype_policy("float32")
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=jit)
    model.make_train_function()  # makes the optimiser's variables
    return tf.function(model.train_step)


def timed(step, x, count):
    began = time.perf_counter()
    for _ in range(count):
        figures = step((x,))
    float(figures["loss"])
    return (time.perf_counter() - began) / count


def main(rounds):
    x = tf.constant((np.random.default_rng(0).random((BATCH, 28, 28, 1)) < 0.3).astype(np.float32))
    print("  K  precision        jit   median ms  best ms  ratio  first step s")
    for num_samples, count in STEPS.items():
        steps = {way: step_of(*way, num_samples) for way in WAYS}
        first = {way: timed(step, x, 1) for way, step in steps.items()}
        times = {way: [] for way in steps}
        for _ in range(rounds):
            for way, step in steps.items():
                times[way].append(timed(step, x, count) * 1e3)
        whole = statistics.median(times[WAYS[0]])
        for way, found in times.items():
            median = statistics.median(found)
            row = f"{num_samples:3}  {way[0]:15}  {'jit' if way[1] else '-':3}  {median:10.1f} {min(found):8.1f}"
            print(row, f"{median / whole:6.2f} {first[way]:9.1f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
