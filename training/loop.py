"""A run from its settings to its model, and its evaluation."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfvae import files, presets
from tfvae.checks import UserError
from tfvae.training import capacity, data, introduction, named_callbacks, progress, quiet_tensorflow
from tfvae.training.config import SETTINGS, Config
from tfvae.training.defaults import NO_COMPARISON
from tfvae.training.distribution import heartbeat, multiworker, strategy
from tfvae.training.runs import claims, identity, loading, resumption, units
from tfvae.training.runs.checkpoint import Checkpoint
from tfvae.training.runs.directory import RunDirectory, command_line, writing
from tfvae.training.stopping import Stop, Stopped

Say = Callable[[str], None]
STEPS_PER_DISPATCH = 20  # at most, as the next one: the bar moves and Ctrl-C works between dispatches
SAMPLES_PER_DISPATCH = 1000
LEAST_DISPATCHES = 10  # of an epoch
COMPILATION_PAYS = 1000  # steps: compiling takes 2 to 7 s for each size of batch and saves 0.4 to 3 ms a step


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def build(config: Config, loaded: data.DataSet) -> Any:
    """Returns the compiled model of a run; call it in the strategy's scope."""
    import keras

    from tfvae.training import optimisers

    keras.utils.set_random_seed(config.seed)
    mixed = config.mixed_precision != "none"
    keras.config.set_dtype_policy(f"mixed_{config.mixed_precision}" if mixed else "float32")
    preset = presets.get(config.preset)
    steps = data.steps_per_epoch(len(loaded.train), config.batch_size)
    options = (
        _comparison_options(config, loaded, steps)
        if preset.compares
        else _likelihood_options(config, loaded, steps)
    )
    model = presets.create(config.preset, image_shape=loaded.image_shape, **options)
    if config.likelihood is not None:
        _start_from_data(model, preset, config, loaded)
    model.compile(**optimisers.optimizers(config, steps), **_execution(config, preset, steps))
    return model


def _likelihood_options(config: Config, loaded: data.DataSet, steps: int) -> dict[str, Any]:
    """Returns the arguments of `presets.create` for a model with a likelihood."""
    options: dict[str, Any] = {
        "likelihood": config.likelihood,
        "levels": loaded.levels() or 256,
        "condition": config.condition,
        "condition_shape": loaded.condition_shape(config.condition),
    }
    if presets.get(config.preset).deterministic:
        return options
    if config.latent_comparison != NO_COMPARISON:
        names = ("latent_comparison", "latent_weight")
        options |= {name: getattr(config, name) for name in names}
    return options | {
        "estimator": config.estimator_spec,
        "num_samples": config.num_samples,
        "backward_particles": config.backward_particles,
        "latent_size": config.latent_size,
        "kl_weight": config.kl_weight,
        "kl_warmup_steps": (config.kl_warmup or 0) * steps,
        "kl_cycles": config.kl_cycles,
        "free_bits": config.free_bits,
        "seed": config.seed,
        "posterior": config.posterior,
        "prior": config.prior,
    }


def _comparison_options(config: Config, loaded: data.DataSet, steps: int) -> dict[str, Any]:
    """Returns the arguments of `presets.create` for a model that is trained by comparing samples."""
    names = [name for name in dict(presets.get(config.preset).options) if name in SETTINGS]
    options = {name: getattr(config, name) for name in ("latent_size", "prior", "seed", *names)}
    if config.autoencoder_epochs is not None:
        options["autoencoder_steps"] = config.autoencoder_epochs * steps
    if presets.get(config.preset).compares == "densities":
        from tfvae.models.known_noise import normal_of

        options["noise"] = normal_of(loaded.train.images)
    return options


def _start_from_data(model: Any, preset: presets.Preset, config: Config, loaded: data.DataSet) -> None:
    """Starts the likelihood from the data: its bias from their mean, and a learned scale from their spread about it.

    A preset may say otherwise: with `bias_from_data`, or with an `initial_scale` for its likelihood.
    """
    from tfvae.models.conditional import Conditional

    unseen = model.unseen if isinstance(model, Conditional) else np.asarray
    if preset.bias_from_data:
        model.likelihood_head.initialize_bias(unseen(loaded.mean_pixel()))
    if config.likelihood != preset.likelihood or "initial_scale" not in dict(preset.likelihood_options):
        variance = np.asarray(unseen(loaded.pixel_variance(config.binarize).astype(np.float32)))
        model.likelihood_head.initialize_scale(float(np.sqrt(variance.mean(dtype=np.float64))))


def _execution(config: Config, preset: presets.Preset, steps: int) -> dict[str, Any]:
    """Returns what XLA compiles, and the steps of a dispatch: several where there is no strategy."""
    import tensorflow as tf

    several = tf.distribute.has_strategy()
    jit: bool | str = "auto" if config.jit == "auto" else config.jit == "on"
    pays = preset.compile_step and config.schedule_epochs * steps >= COMPILATION_PAYS
    if config.jit == "auto" and pays and not several:
        jit = not tf.config.list_logical_devices("GPU") or "auto"
    most = min(STEPS_PER_DISPATCH, SAMPLES_PER_DISPATCH // config.particles, steps // LEAST_DISPATCHES)
    most = 1 if several else max(1, most)
    dispatch = next(count for count in range(most, 0, -1) if steps % count == 0)
    return {"jit_compile": jit, "steps_per_execution": dispatch}


def train(
    config: Config,
    run: RunDirectory,
    *,
    resume: bool = False,
    loaded: data.DataSet | None = None,
    say: Say = _print,
    bar: Callable[..., progress.EpochProgress] | None = progress.EpochProgress,
    callback_names: Sequence[str] = (),
    worker_timeout: float = heartbeat.START,
    hang_timeout: float = heartbeat.LIMIT,
) -> int | None:
    """Trains a model and leaves it, with its history, checkpoints and figures, in the run directory.

    A run is a function of its settings: killed or stopped at any moment and resumed, it ends with the same weights.
    Ctrl-C and SIGTERM stop it where it can go on; the second one stops at once, with what was complete before.

    Args:
        config: the settings; on resumption those of `resumption.changed`.
        run: its directory; a new one unless `resume`.
        resume: whether to go on from the newest whole checkpoint.
        loaded: data set of the settings where it has been read already, by `choosing.choose`.
        say: takes lines for the user.
        bar: makes what shows the progress of so many epochs of so many steps; None for silence.
        callback_names: further Keras callbacks, see `named_callbacks.make`.
        worker_timeout: seconds to wait for the other workers, where there are several.
        hang_timeout: seconds without a finished step after which a worker ends itself, where there are several.

    Returns:
        test_size: number of test examples; None where this process does not write the run, as the chief of several
            workers alone does.

    Raises:
        UserError: for bad input, before anything is written; for a loss that is not finite; for a full disk.
        LostWorker: if another worker of this run is lost.
        Stopped: if it was stopped; checkpoint, model and figures are written then.
    """
    task = strategy.check(config)
    writes = task is None or task.is_chief
    if config.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise UserError("--tensorboard needs the package tensorboard", fix="pip install tensorboard")
    named_callbacks.check(callback_names)
    claim = claims.claimed(run, new=not resume, say=say) if writes else contextlib.nullcontext()
    with Stop() as stop, claim, multiworker.loss_of_workers(task, run.resuming()):
        found = resumption.choose(run, config) if resume else (None, [])
        strategy.prepare(config, task, worker_timeout)
        heartbeat.beat()
        with heartbeat.watched(task, hang_timeout, run.resuming()):
            say = say if writes else (lambda line: None)
            loaded = loading.load_data(config, loaded)
            names = callback_names if writes else ()
            bar = bar if writes else None
            _train(config, run, loaded, found if resume else None, say, bar, names, writes, stop)
    return len(loaded.test) if writes else None


def _train(
    config: Config,
    run: RunDirectory,
    loaded: data.DataSet,
    found: tuple[Checkpoint | None, list[str]] | None,
    say: Say,
    bar: Callable[..., progress.EpochProgress] | None,
    callback_names: Sequence[str],
    writes: bool,
    stop: Stop,
) -> None:
    """Trains on the devices that are prepared.

    Args:
        config: the settings.
        run: the directory.
        loaded: the data set.
        found: what `resumption.choose` gives; None for a new run.
        say: takes lines for the user.
        bar, callback_names: see `train`.
        writes: whether this process writes the run.
        stop: tells whether to stop.
    """
    heartbeat.beat()
    capacity.check(config, loaded)
    if found is not None:
        run.check_data(loaded.fingerprint(), config)
    tf = quiet_tensorflow.tensorflow()

    import keras

    from tfvae.training import callbacks, fitting
    from tfvae.training.runs import checkpoint, figures

    added = named_callbacks.make(callback_names)
    tf.config.experimental.enable_op_determinism()
    with strategy.scope(config):
        model = build(config, loaded)
        heartbeat.beat()
        if found is None:
            newest = None
            if writes:
                run.create(config, command_line(), loaded.fingerprint())
        else:
            newest = resumption.take_up(config, run, model, found, say, writes)
        if writes and loaded.columns is not None:
            units.write(run, loaded.columns)
        steps = data.steps_per_epoch(len(loaded.train), config.batch_size)
        introduction.tell(say, run, loaded, config, model)
        history, part = (newest.history, newest.part) if newest else ([], None)
        step = part.step if part else 0
        if not multiworker.agree(len(history), step, int(loaded.fingerprint()[:8], 16)):
            raise UserError(
                "the workers hold different data or checkpoints",
                expected="the same data set, and one run directory that all of them see",
                received=f"data of SHA-256 {loaded.fingerprint()[:16]}..., {len(history)} epochs done",
            )
        alone = not tf.distribute.has_strategy()
        recorder = callbacks.Recorder(
            run,
            history,
            epochs=config.epochs,
            steps=steps,
            patience=config.patience,
            checkpoint_seconds=config.checkpoint_seconds,
            writes=writes,
            identity=identity.of(config.to_json(), loaded.fingerprint()),
            part=part,
            asked=lambda: stop.requested,
            bar=None if bar is None else bar(config.epochs, steps),
        )
        draw = functools.partial(figures.draw_run, run, model, loaded, config, recorder.rows)
        if multiworker.prepared() is None:  # several would have to stop at the same step
            stop.hold("step" if alone else "epoch")
        if len(history) < config.epochs and not recorder.stopped():
            heartbeat.beat()
            watchers = fitting.watchers(config, run, loaded, recorder, stop, halts=alone)
            if writes:
                watchers.append(callbacks.Painter(config.figures_every, config.epochs, draw))
            if config.tensorboard and writes:
                watchers.append(keras.callbacks.TensorBoard(run.path / "tensorboard"))
            watchers += added
            step = fitting.fit(config, loaded, model, len(history), step, watchers)
    if not writes:
        return
    # Out of the scope, as saving makes variables, and the chief would wait for the other workers to make them too.
    rows = recorder.rows
    if recorder.stopped() and len(rows) < config.epochs:
        say(
            f"stopped early, after epoch {len(rows)} of {config.epochs}: the validation bound was not better for"
            f" {config.patience} epoch{'s' * (config.patience > 1)}"
        )
    if config.patience and rows:
        best = checkpoint.best_epoch(rows)
        checkpoint.restore(checkpoint.load(checkpoint.path_of(run.checkpoints, best)), model)
        say(f"the best validation bound was that of epoch {best}; its weights are kept")
    say("drawing figures, writing the model")
    draw()
    with writing(run.model_file), files.replacing(run.model_file) as temporary:
        model.save(temporary)
    if step or not (len(rows) == config.epochs or recorder.stopped()):
        raise Stopped(
            f"after epoch {len(rows)} of {config.epochs}"
            + f" and {step} step{'s' * (step > 1)} of the next" * bool(step)
        )
