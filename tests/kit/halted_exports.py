"""Exports that wait at a moment to be killed, for the processes of forks.py; they say "halted" then.

Moments are counted: each file and directory that is synchronised, then before and after the export takes its name, then
before and after the old one is removed.
"""

import importlib
import os
import time

from tfvae.export import directories

SLOW = (
    "ai_edge_litert.interpreter",
    "tensorflow.lite.python.lite",
    "tensorflow_serving.apis.prediction_log_pb2",
    "tfvae.export.saved_model",
    "tfvae.export.web",
    "tfvae.training.loop",
    "tfvae.training.runs.loading",
)


def prepare():
    for name in SLOW:
        importlib.import_module(name)


def install(halt):
    """Makes this process wait at a moment, the first being 1."""
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
