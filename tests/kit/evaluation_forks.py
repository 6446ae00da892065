"""Runs command lines in forks of one process that has imported TensorFlow, and has run nothing in it.

A line of JSON on standard input, {"words": [...], "log": FILE}, starts one; the process ID and then its exit status are
printed. Functions run eagerly: tracing would take longer than all else. Blocks of evaluations are small, are stored
one by one, and leave a line in the log, as writings do before and after.
"""

import json
import os
import sys

import tensorflow as tf

from tfvae import cli, files
from tfvae.training.evaluation import block_store, details, evaluate  # noqa: F401


def patch():
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


def child(words, log):
    code = 1
    try:
        handle = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        code = cli.main(words)
    finally:
        sys.stdout.flush()
        os._exit(code)


patch()
print("ready", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if not pid:
        child(**json.loads(line))
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
