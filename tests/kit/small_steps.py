"""Evaluations of many small steps, for the processes of forks.py.

Functions run eagerly: tracing would take longer than all else. Blocks of evaluations are small, are stored one by one,
and leave a line in the log, as writings do before and after.
"""

import sys

import tensorflow as tf

from tfvae import files
from tfvae.training.evaluation import block_store, details, evaluate  # noqa: F401


def prepare():
    tf.config.run_functions_eagerly(True)
    for name, size in (("importance", 4), ("gap", 2)):
        sys.modules[f"tfvae.evaluation.{name}"].EXAMPLES_PER_BLOCK = size
    for name in ("ais", "bidirectional"):
        sys.modules[f"tfvae.evaluation.{name}"].examples_at_once = lambda *_: 2
    block_store.SECONDS = -1.0
    write, save = files.write_bytes, block_store.BlockStore.save

    def write_bytes(path, content):
        print("writes", path, flush=True)
        write(path, content)
        print("wrote", path, flush=True)

    def save_blocks(store):
        print("block", max(store.blocks), flush=True)
        save(store)

    files.write_bytes, block_store.BlockStore.save = write_bytes, save_blocks
