"""Writing report.html."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import files, presets
from tfvae.training import data
from tfvae.training.report.content import ReportContent, RunFacts
from tfvae.training.report.page import page
from tfvae.training.runs.directory import RunDirectory, writing


def write(run: RunDirectory, model: Any, loaded: data.DataSet, result: Mapping[str, Any]) -> Path:
    """Writes the report of an evaluated run, report.html: one file, whole or not at all.

    The same run and result give the same file.

    Args:
        run: the run.
        model: trained model of the run.
        loaded: data set of the run.
        result: content of evaluation.json.

    Returns:
        path: path of the file.

    Raises:
        UserError: if a figure or the file cannot be written.
    """
    from tfvae.models.contract import Inferential
    from tfvae.training.report import figures

    config = run.config()
    facts = RunFacts(
        model=type(model).__name__,
        parameters=sum(int(np.prod(variable.shape)) for variable in model.trainable_variables),
        latents=model.latents if isinstance(model, Inferential) else None,
        event_shape=tuple(loaded.image_shape),
        sizes={name: len(getattr(loaded, name)) for name in ("train", "validation", "test")},
        grey=len(loaded.image_shape) == 3 and loaded.is_grey(),
        steps=data.steps_per_epoch(len(loaded.train), config.batch_size),
        summary=presets.get(config.preset).summary,
        differences=presets.get(config.preset).differences,
        compares=presets.get(config.preset).compares,
    )
    with writing(run.report_file):
        content = ReportContent(
            name=run.path.resolve().name,
            content=run.content(),
            result=result,
            history=run.read_history(),
            facts=facts,
            pictures=figures.draw(run, model, loaded, config, result),
        )
        files.write_bytes(run.report_file, page(content).encode())
    return run.report_file
