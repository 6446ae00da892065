"""Runs the command line in a process that says where it is and can be held at a chosen moment of a write.

    python paused_run.py STAGE OCCURRENCE ARGUMENT...

At the given occurrence of STAGE it prints "paused" and waits to be killed; at each epoch's begin it prints "epoch".

    half     half of a checkpoint's bytes are in its temporary file
    whole    a checkpoint's bytes are on the disk, its name is not
    named    a checkpoint has its name, older ones are not yet pruned
    history  a checkpoint is complete, history.csv lacks its row
    model    the last checkpoint is complete, model.keras is not
    config   config.json is not complete
    never    runs on
"""

import builtins
import os
import sys
import time

from tfvae import cli, files
from tfvae.training.runs import checkpoint

stage, occurrence, arguments = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
seen = 0


def reached(name):
    global seen
    seen += name == stage
    if name == stage and seen == occurrence:
        print("paused", flush=True)
        time.sleep(600)


class Halting:
    """A file that is written in two parts."""

    def __init__(self, file):
        self._file = file

    def __enter__(self):
        self._file.__enter__()
        return self

    def __exit__(self, *error):
        return self._file.__exit__(*error)

    def write(self, content):
        half = len(content) // 2
        self._file.write(content[:half])
        self._file.flush()
        if half > 100:  # the content, not the line with the checksum
            reached("half")
        self._file.write(content[half:])


def halting_open(path, mode="r"):
    file = builtins.open(path, mode)  # noqa: SIM115
    return Halting(file) if mode == "wb" else file


def replace(source, target):
    suffix = os.path.splitext(target)[1]
    reached({".ckpt": "whole", ".csv": "history", ".keras": "model", ".json": "config"}.get(suffix))
    real_replace(source, target)
    if suffix == ".ckpt":
        reached("named")


def tell_epochs():
    from tfvae.training import callbacks

    begin = callbacks.Recorder.on_epoch_begin

    def on_epoch_begin(self, epoch, logs=None):
        print("epoch", flush=True)
        begin(self, epoch, logs)

    callbacks.Recorder.on_epoch_begin = on_epoch_begin


real_replace = os.replace
files.os.replace = replace
checkpoint.open = halting_open
if stage == "never":
    from tfvae.training import quiet_tensorflow

    quiet_tensorflow.tensorflow()
    tell_epochs()
sys.exit(cli.main(arguments))
