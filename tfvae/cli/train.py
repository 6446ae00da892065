"""`tfvae train`."""

from __future__ import annotations

import argparse
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
        default = os.path.join("runs", f"{config.preset}-{time.strftime('%Y%m%d-%H%M%S')}")
        run = RunDirectory(default if options.run_dir is None else options.run_dir)

    options.run = run

    from tfvae.training import launcher, processes, strategy

    launcher.check(options.workers, options.max_restarts, options.worker_timeout, config.strategy)
    if options.workers is not None and not processes.is_child():
        strategy.check_workers(config, options.workers)
        return _launch(options, run)

    from tfvae.training import loop

    began = time.monotonic()
    timeout = WORKER_TIMEOUT if options.worker_timeout is None else options.worker_timeout
    if not loop.train(config, run, resume=options.resume, worker_timeout=timeout):
        return None
    print(f"trained in {time.monotonic() - began:.0f} s: {run.path}")
    print(f"  model     {run.model_file}\n  history   {run.history_file}\n  figures   {run.figures}")
    print(f"next: tfvae evaluate {run.path}")
    return None


def _launch(options: argparse.Namespace, run) -> int:
    """Runs this command in several processes."""
    from tfvae.training import launcher

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
