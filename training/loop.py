"""A run from its settings to its model, and its evaluation."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tfvae import files, presets
from tfvae.checks import UserError
from tfvae.training import data, quiet, strategy
from tfvae.training.config import Config
from tfvae.training.run_directory import RunDirectory, cannot_write, command_line

Say = Callable[[str], None]


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def load_data(config: Config) -> data.DataSet:
    """Loads the data set of a run and checks that the run can use it.

    Warns where grey pixels meet a Bernoulli likelihood.

    Raises:
        UserError: if it cannot be loaded, does not fit the preset, or is smaller than a batch.
    """
    loaded = data.load(config.dataset, validation_size=config.validation_size, seed=config.seed)
    presets.check_image_shape(presets.get(config.preset), loaded.image_shape)
    if config.batch_size > len(loaded.train):
        raise UserError(
            "the batch is larger than the data",
            expected=f"a batch size of at most {len(loaded.train)}, the training examples",
            received=config.batch_size,
        )
    if config.likelihood == "bernoulli" and config.binarize == "none" and loaded.is_grey():
        warnings.warn(
            "grey pixels under a Bernoulli likelihood: the bound is no log-likelihood; a continuous likelihood "
            "(--likelihood normal) or binarisation (--binarize dynamic) gives one",
            stacklevel=2,
        )
    return loaded


def build(config: Config, loaded: data.DataSet):
    """Returns the compiled model of a run; call it in the strategy's scope."""
    import keras

    from tfvae.training.schedules import learning_rate

    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy("mixed_float16" if config.mixed_precision else "float32")
    preset = presets.get(config.preset)
    steps = data.steps_per_epoch(len(loaded.train), config.batch_size)
    model = presets.create(
        config.preset,
        image_shape=loaded.image_shape,
        estimator=config.estimator_spec,
        num_samples=config.num_samples,
        backward_particles=config.backward_particles,
        latent_size=config.latent_size,
        likelihood=config.likelihood,
        kl_warmup_steps=config.kl_warmup * steps,
        free_bits=config.free_bits,
        seed=config.seed,
    )
    if preset.bias_from_data:
        model.likelihood_head.initialize_bias(loaded.mean_pixel())
    rate = learning_rate(config.schedule, config.learning_rate, config.epochs, steps)
    model.compile(optimizer=keras.optimizers.Adam(rate, epsilon=preset.recipe.epsilon))
    model.optimizer.build(model.trainable_variables)
    return model


def train(config: Config, run: RunDirectory, *, resume: bool = False, say: Say = _print) -> None:
    """Trains a model and leaves it, with its history, checkpoints and figures, in the run directory.

    A run is a function of its settings: killed at any moment and resumed, it ends with the same weights.

    Args:
        config: the settings.
        run: its directory; a new one unless `resume`.
        resume: whether to go on from the newest whole checkpoint.
        say: takes lines for the user.

    Raises:
        UserError: for bad input, before anything is written; for a loss that is not finite; for a full disk.
    """
    strategy.check(config)
    if config.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise UserError("--tensorboard needs the package tensorboard", fix="pip install tensorboard")
    if not resume:
        run.check_free()
    if config.replicas > 1:
        strategy.split_cpu(config.replicas)
    loaded = load_data(config)
    tf = quiet.tensorflow()

    import keras

    from tfvae.training import callbacks, checkpoint, figures

    scope = strategy.scope(config)
    tf.config.experimental.enable_op_determinism()
    with scope:
        model = build(config, loaded)
        history: list[dict[str, Any]] = []
        if resume:
            run.open()
            newest, problems = checkpoint.load_newest(run.checkpoints, with_best=bool(config.patience))
            for problem in problems:
                say(f"tfvae: {problem}")
            if newest is not None:
                checkpoint.restore(newest, model)
                history = newest.history
            _record(run, history)
            say(f"resuming after epoch {len(history)} of {config.epochs}")
        else:
            run.create(config, command_line())

        held_out = loaded.validation if len(loaded.validation) else loaded.test
        shown = data.binarize_once(held_out.images, config.binarize, config.seed)
        steps = data.steps_per_epoch(len(loaded.train), config.batch_size)
        recorder = callbacks.Recorder(
            run,
            history,
            epochs=config.epochs,
            steps=steps,
            patience=config.patience,
            checkpoint_seconds=config.checkpoint_seconds,
        )

        def draw(epoch):
            try:
                figures.draw(run, model, shown, held_out.labels, recorder.rows, f"after epoch {epoch}")
            except OSError as error:
                raise cannot_write(run.figures, error) from error

        def draw_sometimes(epoch, logs):
            if config.figures_every and (epoch + 1) % config.figures_every == 0 and epoch + 1 < config.epochs:
                draw(epoch + 1)

        extra = [keras.callbacks.LambdaCallback(on_epoch_end=draw_sometimes)]
        if config.tensorboard:
            extra.append(keras.callbacks.TensorBoard(run.path / "tensorboard"))
        if len(history) < config.epochs and not recorder.stopped():
            model.fit(
                data.training_pipeline(
                    loaded.train.images,
                    batch_size=config.batch_size,
                    seed=config.seed,
                    binarize=config.binarize,
                    start_epoch=len(history),
                ),
                steps_per_epoch=steps,
                initial_epoch=len(history),
                epochs=config.epochs,
                validation_data=_validation(loaded, config),
                callbacks=[callbacks.StopWhenNotFinite(run), recorder, *extra],
                shuffle=False,
                verbose=0,
            )
        if config.patience:
            best = checkpoint.best_epoch(recorder.rows)
            checkpoint.restore(checkpoint.load(checkpoint.path_of(run.checkpoints, best)), model)
            say(f"the best validation bound was that of epoch {best}; its weights are kept")
        draw(len(recorder.rows))
        try:
            with files.replacing(run.model_file) as temporary:
                model.save(temporary)
        except OSError as error:
            raise cannot_write(run.model_file, error) from error


def _record(run: RunDirectory, history: list[dict[str, Any]]) -> None:
    """Writes the history that a checkpoint holds: a killed run's history.csv may be ahead of it or behind."""
    try:
        run.write_history(history)
    except OSError as error:
        raise cannot_write(run.history_file, error) from error


def _validation(loaded: data.DataSet, config: Config):
    if not len(loaded.validation):
        return None
    images = data.binarize_once(loaded.validation.images, config.binarize, config.seed)
    return data.evaluation_pipeline(images, batch_size=min(len(images), 500))


def load_model(run: RunDirectory):
    """Loads the trained model of a run.

    Raises:
        UserError: if there is none yet or its file is damaged.
    """
    if not run.model_file.is_file():
        raise UserError(
            f"{run.path} holds no trained model",
            expected="model.keras",
            fix="finish the run with `tfvae train --run-dir ... --resume`",
        )
    quiet.tensorflow()
    import keras

    try:
        return keras.saving.load_model(run.model_file)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise UserError(
            f"{run.model_file} is damaged",
            received=f"{error}"[:200],
            fix="delete it and `tfvae train --resume`",
        ) from error


def evaluate(
    run: RunDirectory,
    *,
    split: str = "test",
    num_samples: int = 5000,
    limit: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Evaluates the model of a run on one split and writes evaluation.json.

    The split is binarised once with the run's way of binarising and a fixed seed; with `limit`, a fixed shuffle's first
    examples are taken.

    Returns:
        result: what evaluation.json holds.

    Raises:
        UserError: for bad input.
    """
    config = run.config()
    loaded = load_data(config)
    chosen = getattr(loaded, split)
    if not len(chosen):
        raise UserError(f"the run has no {split} examples", expected="another --split")
    if limit is not None and limit > len(chosen):
        raise UserError(
            "--limit is larger than the split", expected=f"1 to {len(chosen)} examples", received=limit
        )
    model = load_model(run)

    from tfvae import evaluation

    examples = data.binarize_once(chosen.images, config.binarize, seed=0)
    if limit is not None:
        examples = examples[np.random.default_rng(0).permutation(len(examples))[:limit]]
    result = evaluation.log_marginal(model, examples, num_samples=num_samples, seed=seed, progress=progress)
    units = evaluation.active_units(model, examples)
    summary = {
        "nll": result.nll,
        "nll_standard_error": result.nll_standard_error,
        "nll_monte_carlo_standard_error": result.monte_carlo_standard_error,
        "elbo": float(result.elbo.mean()),
        "effective_sample_size": float(np.median(result.effective_sample_size)),
        "num_samples": num_samples,
        "num_examples": len(examples),
        "active_units": units.count,
        "latent_size": model.latent_size,
        "split": split,
        "binarize": config.binarize,
        "dataset": config.dataset,
        "seed": seed,
    }
    run.write_evaluation(summary)
    return summary
