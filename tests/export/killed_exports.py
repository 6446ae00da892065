"""Runs exports that a test kills: one JSON line on standard input for each, {"arguments": [...], "halt": N or null}.

Each runs in a fork of this process, which has imported what is slow to import. Lines on standard output: "pid P" first;
"halted" at the moment N, where it then waits to be killed; "done CODE" at the end. Moments are counted: each file and
directory that is synchronised, then before and after the export takes its name, then before and after the old one is
removed.
"""

import importlib
import json
import os
import sys
import time

from tfvae import cli
from tfvae.export import directories
from tfvae.training import quiet_tensorflow

SLOW = (
    "ai_edge_litert.interpreter",
    "tensorflow.lite.python.lite",
    "tensorflow_serving.apis.prediction_log_pb2",
    "tfvae.export.saved_model",
    "tfvae.export.web",
    "tfvae.training.loop",
    "tfvae.training.runs.loading",
)


def count_moments(halt):
    seen = 0

    def moment():
        nonlocal seen
        seen += 1
        if seen == halt:
            print("halted", flush=True)
            time.sleep(600)

    def with_moments(work, after=True):
        def run(*given, **options):
            moment()
            work(*given, **options)
            if after:
                moment()

        return run

    directories._sync = with_moments(directories._sync, after=False)
    directories._exchange = with_moments(directories._exchange)
    directories.shutil.rmtree = with_moments(directories.shutil.rmtree)
    for name in ("rename", "replace"):
        setattr(directories.os, name, with_moments(getattr(os, name)))


def main():
    quiet_tensorflow.tensorflow()
    for name in SLOW:
        importlib.import_module(name)
    for line in sys.stdin:
        job = json.loads(line)
        if (pid := os.fork()) == 0:
            count_moments(job["halt"])
            code = cli.main(job["arguments"])
            sys.stdout.flush()
            os._exit(code)
        print(f"pid {pid}", flush=True)
        _, status = os.waitpid(pid, 0)
        print(f"done {os.waitstatus_to_exitcode(status)}", flush=True)


main()
