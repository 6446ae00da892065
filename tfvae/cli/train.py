"""`tfvae train`."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time

from tfvae.checks import UserError

WORKER_TIMEOUT = 300.0  # seconds


def run(options: argparse.Namespace) -> int | None:
    """Trains a model into a run directory, in this process or in several; returns their exit code then."""
    from tfvae import estimators
    from tfvae.training.config import Config
    from tfvae.training.run_directory import RunDirectory

    given = {name: value for name, value in vars(options).items() if name in Config.__dataclass_fields__}
    options_of = {name for row in estimators.TABLE for name, _ in row.options}
    chosen = {
        name: value for name, value in vars(options).items() if name in options_of and value is not None
    }
    given["estimator_options"] = chosen or None
    if (given["dataset"] or "").endswith(".npz"):
        given["dataset"] = os.path.abspath(given["dataset"])  # the run is then usable from any directory
    if options.resume:
        if options.run_dir is None:
            raise UserError("--resume does not say which run", expected="--run-dir DIR")
        run = RunDirectory(options.run_dir)
        config = run.config()
        differences = config.differences(given)
        if differences:
            raise UserError(
                f"the run in {run.path} has other settings",
                received=", ".join(differences),
                fix="leave them out to go on with the run, or start a new one in another --run-dir",
            )
    else:
        config = Config.resolve(given)
        run = None if options.run_dir is None else RunDirectory(options.run_dir)

    from tfvae.training import claims, launcher, processes, strategy

    launcher.check(options.workers, options.max_restarts, options.worker_timeout, config.strategy)
    launching = options.workers is not None and not processes.is_child()
    if launching:
        strategy.check_workers(config, options.workers)
    task = None if launching else strategy.check(config)
    if run is None and task is not None and not task.is_chief:
        run = RunDirectory(next(claims.names(config.preset)))  # of which it writes nothing
    with claims.new_name(config.preset) if run is None else contextlib.nullcontext(run) as run:
        options.run = run
        return _launch(options, run) if launching else _train(options, config, run)


def _train(options: argparse.Namespace, config, run) -> None:
    """Trains in this process."""
    from tfvae.training import loop

    began = time.monotonic()
    timeout = WORKER_TIMEOUT if options.worker_timeout is None else options.worker_timeout
    if not loop.train(config, run, resume=options.resume, worker_timeout=timeout):
        return
    print(f"trained in {time.monotonic() - began:.0f} s: {run.path}")
    print(f"  model     {run.model_file}\n  history   {run.history_file}\n  figures   {run.figures}")
    print(f"next: tfvae evaluate {run.path}")


def _launch(options: argparse.Namespace, run) -> int:
    """Runs this command in several processes, the first of which claims the run."""
    from tfvae.training import launcher, lock

    lock.check_free(run.path)
    if not options.resume:
        run.check_free()

    def command() -> list[str]:
        words = [*options.words, *(["--run-dir", str(run.path)] if options.run_dir is None else [])]
        return words + ["--resume"] * (run.config_file.is_file() and not options.resume)

    return launcher.launch(
        command,
        options.workers,
        max_restarts=options.max_restarts or 0,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
