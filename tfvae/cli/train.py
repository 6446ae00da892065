"""`tfvae train`."""

from __future__ import annotations

import argparse
import contextlib
import functools
import shlex
import sys
import time
from typing import TYPE_CHECKING, Any

from tfvae.checks import UserError, printable
from tfvae.cli.parsing import path

if TYPE_CHECKING:
    from tfvae.training.config import Config
    from tfvae.training.runs.directory import RunDirectory

INTERRUPTED = 130  # exit code


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `tfvae train`: the run's directory, its settings, and how to start several processes."""
    from tfvae.cli import settings
    from tfvae.training.runs import identity

    parser.usage = (
        "tfvae train [--preset NAME] [--dataset NAME|PATH] [--run-dir DIR [--resume]] [SETTING ...]"
    )
    parser.add_argument(
        "--run-dir",
        type=path,
        metavar="DIR",
        help="Directory of the run. (default: runs/PRESET-DATE-TIME)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="Go on with the run in --run-dir, with a finished one too where --epochs is larger. Its settings stay, "
        f"except {identity.FLAGS}, of which config.json keeps a record. The schedule of the learning rate keeps its "
        "span, but a cosine that ends before --epochs is stretched to it.",
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="After training evaluate test examples too, as many as minutes allow, and write report.html, as `tfvae "
        "evaluate --full` does.",
    )
    settings.add_arguments(parser)
    parser.add_argument(
        "--callback",
        action="append",
        default=[],
        metavar="MODULE:FACTORY",
        help="Keras callback to train with, made without arguments by a function or class, such as "
        "wandb.integration.keras:WandbMetricsLogger; several are allowed. (default: none)",
    )
    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument(
        "--quiet", action="store_true", help="Say nothing but where the results are, warnings and errors."
    )
    how_much.add_argument("--verbose", action="store_true", help="Also say a line for each epoch.")
    add = parser.add_argument_group("several processes, with --strategy multiworker").add_argument
    add(
        "--workers",
        type=int,
        metavar="N",
        help="Processes to start on this machine. (default: none, the variable TF_CONFIG names them)",
    )
    add(
        "--max-restarts",
        type=int,
        metavar="N",
        help="How often to start them again after one was killed or hung. (default: 0)",
    )
    add(
        "--worker-timeout",
        type=float,
        metavar="SECONDS",
        help="Time to wait until all of them have appeared. (default: 300)",
    )
    add(
        "--hang-timeout",
        type=float,
        metavar="SECONDS",
        help="Time without a finished step after which they count as hung and are ended; a validation or a checkpoint "
        "has to take less. (default: 600)",
    )


def run(options: argparse.Namespace) -> int | None:
    """Trains a model into a run directory, in this process or in several; returns their exit code then."""
    from tfvae.cli import settings
    from tfvae.training import choosing, data
    from tfvae.training.runs import claims, resumption
    from tfvae.training.runs.directory import RunDirectory

    given = settings.given(options)
    if given["dataset"] is not None:
        given["dataset"] = data.located(given["dataset"])  # the run is then usable from any directory
    run: RunDirectory | None = None
    options.loaded = None
    if options.resume:
        if options.run_dir is None:
            raise UserError("--resume does not say which run", expected="--run-dir DIR")
        run = RunDirectory(options.run_dir)
        config = resumption.changed(run, given)
    else:
        if options.run_dir is not None and given["strategy"] != "multiworker":
            claims.check_free(RunDirectory(options.run_dir), new=True)  # before the data are read
        choice = choosing.choose(given)
        config, options.loaded = choice.config, choice.loaded
        run = None if options.run_dir is None else RunDirectory(options.run_dir)

    from tfvae.training.distribution import launcher, processes, strategy

    launcher.check(
        options.workers, options.max_restarts, options.worker_timeout, options.hang_timeout, config.strategy
    )
    if not (options.resume or options.quiet or processes.is_child()):
        for line in choice.told:
            print(f"tfvae: {printable(line)}", file=sys.stderr)
    launching = options.workers is not None and not processes.is_child()
    if launching:
        strategy.check_workers(config, options.workers)
    task = None if launching else strategy.check(config)
    if run is None and task is not None and not task.is_chief:
        run = RunDirectory(next(claims.names(config.preset)))  # of which it writes nothing
    with claims.new_name(config.preset) if run is None else contextlib.nullcontext(run) as run:
        options.run = run
        return _launch(options, run) if launching else _train(options, config, run)


def _train(options: argparse.Namespace, config: Config, run: RunDirectory) -> int | None:
    """Trains in this process; returns the exit code where that was stopped."""
    from tfvae import presets
    from tfvae.training import loop, progress
    from tfvae.training.stopping import Stopped

    began = time.monotonic()
    timeouts = {
        name: value
        for name in ("worker_timeout", "hang_timeout")
        if (value := getattr(options, name)) is not None
    }
    how_much: dict[str, Any] = {"callback_names": options.callback}
    if options.quiet:
        how_much |= {"say": lambda line: None, "bar": None}
    elif options.verbose:
        how_much |= {"bar": functools.partial(progress.EpochProgress, every_epoch=True)}
    how, code = "trained", None
    try:
        test_size = loop.train(
            config, run, resume=options.resume, loaded=options.loaded, **how_much, **timeouts
        )
        if test_size is None:
            return None
        few = ["--limit", "10"] if config.likelihood is None else ["--limit", "100", "--num-samples", "1000"]
        few = few if presets.get(config.preset).draws else []
        evaluation = ["evaluate", str(run.path), *(few if test_size > 100 else [])]  # within minutes
        then = f"tfvae {shlex.join(evaluation)}"
    except Stopped as error:
        how, code, then = "stopped", INTERRUPTED, run.resuming().strip("`")
        print(f"tfvae: stopped {error}; {run.resuming()} goes on", file=sys.stderr)
    print(f"{how} in {time.monotonic() - began:.0f} s: {run.path}")
    print(f"  model     {run.model_file}\n  history   {run.history_file}\n  figures   {run.figures}")
    if options.report and code is None:
        _report(options, evaluation)
    else:
        print(f"next: {then}")
    return code


def _report(options: argparse.Namespace, evaluation: list[str]) -> None:
    """Goes on with the command line that evaluates the run and writes its report."""
    from tfvae.cli import arguments, evaluate

    words = [*evaluation, "--full"]
    print(f"now: tfvae {shlex.join(words)}", file=sys.stderr, flush=True)
    arguments.parser().parse_args(words, options)
    options.words = words  # those that an interrupt tells to repeat
    evaluate.run(options)


def _launch(options: argparse.Namespace, run: RunDirectory) -> int:
    """Runs this command in several processes, the first of which claims the run."""
    from tfvae.training.distribution import heartbeat, launcher
    from tfvae.training.runs import lock

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
        worker_timeout=options.worker_timeout or heartbeat.START,
        hang_timeout=options.hang_timeout or heartbeat.LIMIT,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
