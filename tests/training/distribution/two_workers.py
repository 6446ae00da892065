"""One of the workers that TF_CONFIG names: python two_workers.py FOLDER; prints what it finds as JSON.

Trains through the public `model.fit` on batches that two workers share: 41 examples in batches of 20, so that the last
batch of an epoch gives one worker a row and the other none; then batches of 15, uneven from the first on. The process
without TF_CONFIG is the one device that both are compared with.
"""

import contextlib
import json
import os
import sys

import keras
import numpy as np
import tensorflow as tf

from tfvae import presets, random
from tfvae.checks import UserError
from tfvae.models import replicas
from tfvae.training.distribution import multiworker, tf_config

CASES = {
    "dreg": ({"estimator": "dreg", "num_samples": 3, "kl_warmup_steps": 4}, 20, {}),
    "free bits": ({"estimator": "elbo-analytic", "free_bits": 0.1}, 15, {}),
    "conv": ({"estimator": "elbo"}, 20, {"preset": "conv"}),
}


def noise(scope):
    """Noise of a batch of 5, as this worker draws it, and whole."""
    seed = random.fold(3, "train", 0)

    def draw():
        rows = 3 - tf.distribute.get_replica_context().replica_id_in_sync_group
        first, total = replicas.place(rows)
        return random.PhiloxNoise(seed, rows, first).normal("posterior", 2, 3), total

    drawn, total = scope.run(tf.function(draw))
    whole = random.PhiloxNoise(seed, 5).normal("posterior", 2, 3)
    return {"drawn": drawn.numpy().tolist(), "total": int(total), "whole": whole.numpy().tolist()}


def complaint(call):
    try:
        call()
    except UserError as error:
        return str(error)


def main(folder):
    task = tf_config.from_environment() if tf_config.is_set() else None
    scope = multiworker.of_workers(task, 60.0) if task else None
    tf.config.experimental.enable_op_determinism()
    rank = task.rank if task else -1
    found, arrays = {}, {}
    with scope.scope() if scope else contextlib.nullcontext():
        for name, (options, batch, other) in CASES.items():
            keras.utils.set_random_seed(1)
            x = np.random.default_rng(0).random((41, 8, 8, 1)).astype(np.float32).round()
            model = presets.create(
                other.get("preset", "digits"), image_shape=(8, 8, 1), latent_size=3, seed=0, **options
            )
            model.compile(keras.optimizers.Adam(1e-3))
            held_out = tf.data.Dataset.from_tensor_slices(x[:7]).batch(4)
            weights = np.linspace(0.5, 1.5, len(x), dtype=np.float32)
            data = tf.data.Dataset.from_tensor_slices((x, x[:, 0, 0, 0], weights)).batch(batch)
            data = data.shuffle(3, seed=1)  # of batches, the same in every worker
            endless = data.repeat()  # which draws another order for every epoch
            steps = []
            log = keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda step, logs, steps=steps: steps.append(
                    {key: float(value) for key, value in logs.items()}
                )
            )
            history = model.fit(
                endless,
                steps_per_epoch=3,
                epochs=1 if other else 4,
                validation_data=held_out,
                callbacks=[log],
                verbose=0,
                shuffle=False,
            ).history
            found[name] = {
                "steps": steps,
                "history": history,
                "evaluate": model.evaluate(held_out, verbose=0, return_dict=True),
            }
            for index, variable in enumerate([*model.weights, *model.optimizer.variables]):
                arrays[f"{name} {index}"] = variable.numpy()
        if task:
            found["noise"] = noise(scope)
            found["agree"] = [multiworker.agree(7, 2**32 - 1), multiworker.agree(rank, 0)]
            found["complaints"] = [
                complaint(lambda: model.fit(x, verbose=0)),
                complaint(lambda: model.fit(endless, verbose=0)),
                complaint(lambda: model.fit(data, validation_data=(x,), verbose=0)),
                complaint(lambda: model.predict(x, verbose=0)),
            ]
    np.savez(os.path.join(folder, f"{rank}.npz"), **arrays)
    print(json.dumps(found), flush=True)


main(sys.argv[1])
