"""Holds a process in the write of a checkpoint: with this folder in PYTHONPATH, while the file $HALT exists.

$HALT holds "half", half of the bytes being in the temporary file, or "whole", the name being what is missing. The
process puts "paused" into it and waits to be killed.
"""

import builtins
import os
import time

real_open, real_replace = builtins.open, os.replace


def reached(stage):
    halt = os.environ["HALT"]
    if os.path.exists(halt):
        with real_open(halt) as file:
            wanted = file.read()
        if wanted == stage:
            with real_open(halt, "w") as file:
                file.write("paused")
            time.sleep(600)


class Halting:
    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def write(self, content):
        half = len(content) // 2
        self.file.write(content[:half])
        self.file.flush()
        if half > 100:  # the content, not the line with the checksum
            reached("half")
        self.file.write(content[half:])


def halting_open(file, mode="r", *arguments, **options):
    opened = real_open(file, mode, *arguments, **options)
    return Halting(opened) if mode == "wb" and str(file).endswith(".ckpt") else opened


def replace(source, target, **options):
    if str(target).endswith(".ckpt"):
        reached("whole")
    real_replace(source, target, **options)


builtins.open, os.replace = halting_open, replace
