"""A model from a TFLite file, run with LiteRT and NumPy alone."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tfvae.checks import UserError, positive_int
from tfvae.export import checksum
from tfvae.export.inputs import as_request, as_rows, by_sample, check_signature, draws, row_seeds

GENERATOR = {"decode", "sample", "discriminate"}  # signatures of a generator without a likelihood
DENSITY = {"log_prob"}
CHUNK = 256  # rows at once if the file takes any number


class Damaged(UserError):
    """A file that LiteRT cannot open or run.

    Args:
        path: name of the file.
        error: error of LiteRT.
    """

    def __init__(self, path: object, error: Exception) -> None:
        super().__init__(
            f"{path} is damaged or no .tflite file", received=f"{error}"[:200], fix="copy or export it again"
        )


class OnDevice:
    """Runs a file that `tfvae.export.save_tflite` wrote. Needs no TensorFlow.

    The same seed gives the same samples as the model in Python and on a server. Threads may share one object. A damaged
    file is refused by its checksum before the runtime reads it. Files of earlier versions have no checksum and open
    unchecked.

    Args:
        path: .tflite file.
        num_threads: number of threads of the interpreter; None for LiteRT's choice.

    Attributes:
        checked: True if the file has a checksum. A wrong one raises an error.
        inputs: (dtype, shape) by signature and input; None in a shape stands for any number of rows.

    Raises:
        UserError: if there is no such file, it is damaged, or tfvae did not write it.

    Example:
        device = tfvae.export.OnDevice("model.tflite")
        images = device.sample(16, seed=7)
        nats = device.log_prob(images, seed=0)
    """

    def __init__(self, path: str | os.PathLike, num_threads: int | None = None) -> None:
        self._lock = threading.Lock()
        self._path = Path(path)
        content = _content(self._path)
        self.checked = checksum.check(content, path)
        self._interpreter = _open(content, path, num_threads)
        names = self._interpreter.get_signature_list()
        kinds = [{"decode", "encode", "log_prob", "reconstruct", "sample"}, {"log_prob", "predict"}]
        if set(names) <= GENERATOR:
            kinds = [{"decode", "sample"}]
        elif set(names) == DENSITY:
            kinds = [DENSITY]
        missing = min((kind - set(names) for kind in kinds), key=len)
        if missing:
            raise UserError(
                f"{path} is not a model of tfvae",
                expected="the signatures that tfvae.export.save_tflite writes",
                received=f"a file without {', '.join(sorted(missing))}",
            )
        self._runners = {name: self._interpreter.get_signature_runner(name) for name in names}
        self.inputs = {name: _inputs(runner) for name, runner in self._runners.items()}
        for name, runner in self._runners.items():
            check_signature(path, name, self.inputs[name], set(runner.get_output_details()))

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        if "log_prob" in self.inputs:
            return _shape(self.inputs["log_prob"]["x"])
        return tuple(self._runners["decode"].get_output_details()["image"]["shape_signature"][1:].tolist())

    @property
    def condition_shape(self) -> tuple[int, ...] | None:
        """Shape of one condition; None for a model without conditions."""
        takes = self.inputs.get("log_prob", {})
        return _shape(takes["condition"]) if "condition" in takes else None

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of the latents of one example."""
        return _shape(self.inputs["decode"]["z"])

    def sample(self, n: int, seed: int, condition: ArrayLike | None = None) -> np.ndarray:
        """Returns the mean images of draws from the prior, the same as `model.sample` for the same seed.

        Args:
            n: number of draws, for each condition if there are conditions.
            seed: 32-bit integer. Image i depends only on (seed, i).
            condition: conditions, [B, *condition_shape], for a model that takes them.

        Returns:
            images: [n, *event_shape], or [n, B, *event_shape] with conditions.
        """
        return by_sample(
            self.read("sample", draws(n, seed, condition, math.prod(self.event_shape)))["image"], n, condition
        )

    def predict(self, condition: ArrayLike) -> np.ndarray:
        """Returns the mean predictions for conditions [B, *condition_shape]: [B, *event_shape]."""
        return self.run("predict", condition=condition)["image"]

    def encode(self, x: ArrayLike, condition: ArrayLike | None = None) -> np.ndarray:
        """Returns the location of q(z|x), or its logits if latents are discrete.

        Args:
            x: examples, [B, *event_shape].
            condition: conditions, [B, *condition_shape], for a model that takes them.

        Returns:
            codes: [B, *latent_shape].
        """
        outputs = self.read("encode", _with_condition({"x": x}, condition))
        return outputs["loc"] if "loc" in outputs else outputs["logits"]

    def decode(self, z: ArrayLike, condition: ArrayLike | None = None) -> np.ndarray:
        """Returns the mean images of latents z [B, *latent_shape]: [B, *event_shape]."""
        return self.read("decode", _with_condition({"z": z}, condition))["image"]

    def reconstruct(self, x: ArrayLike, condition: ArrayLike | None = None) -> np.ndarray:
        """Returns decode(encode(x)): [B, *event_shape]."""
        return self.read("reconstruct", _with_condition({"x": x}, condition))["image"]

    def discriminate(self, x: ArrayLike) -> np.ndarray:
        """Returns the discriminator's output for examples [B, *event_shape] of a generator's file: [B]."""
        return self.read("discriminate", {"x": x})["output"]

    def log_prob(self, x: ArrayLike, seed: int = 0, condition: ArrayLike | None = None) -> np.ndarray:
        """Returns log p(x): an estimate from K particles, or the exact value for a regressor.

        Args:
            x: examples, [B, *event_shape].
            seed: 32-bit integer that determines the particles.
            condition: conditions, [B, *condition_shape], for a model that takes them.

        Returns:
            log_prob: [B], nats. The export fixed K.
        """
        return self._score(x, seed, condition)["log_prob"]

    def elbo(self, x: ArrayLike, seed: int = 0, condition: ArrayLike | None = None) -> np.ndarray:
        """Returns the evidence lower bound from the same particles as `log_prob`: [B], nats."""
        return self._score(x, seed, condition)["elbo"]

    def _score(self, x: ArrayLike, seed: int, condition: ArrayLike | None) -> dict[str, np.ndarray]:
        takes = self.inputs["log_prob"]
        x = as_rows("x", x, *takes["x"])
        seeds = {"seed": row_seeds(seed, len(x))} if "seed" in takes else {}
        return self.read("log_prob", _with_condition({"x": x, **seeds}, condition))

    def run(self, signature: str, **inputs: ArrayLike) -> dict[str, np.ndarray]:
        """Runs a signature as `read` does, with its inputs as keywords."""
        return self.read(signature, inputs)

    def read(self, signature: str, inputs: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
        """Runs a signature on any number of rows.

        Args:
            signature: name of the signature.
            inputs: arrays [B, ...] by name.

        Returns:
            outputs: arrays [B, ...] by name.

        Raises:
            UserError: if the signature or an input is unknown, or an input does not fit.
        """
        rows, total = as_request(self.inputs, signature, inputs)
        fixed = next(iter(self.inputs[signature].values()))[1][0]
        size = fixed or CHUNK
        parts = []
        for start in range(0, total, size):
            part = {name: value[start : start + size] for name, value in rows.items()}
            count = min(size, total - start)
            if fixed and count < fixed:
                part = {
                    name: np.concatenate([v, np.repeat(v[:1], fixed - count, 0)]) for name, v in part.items()
                }
            with self._lock:
                outputs = self._answer(signature, part)
            parts.append({name: value[:count] for name, value in outputs.items()})
        if len(parts) == 1:
            return parts[0]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _answer(self, signature: str, part: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        try:
            return self._runners[signature](**part)
        except (RuntimeError, ValueError) as error:
            raise Damaged(self._path, error) from error


def _with_condition(inputs: dict[str, ArrayLike], condition: ArrayLike | None) -> dict[str, ArrayLike]:
    return inputs if condition is None else {**inputs, "condition": condition}


def _shape(spec: tuple[str, list[int | None]]) -> tuple[int, ...]:
    """Returns the shape of one row; its sizes are all fixed."""
    return tuple(size or 0 for size in spec[1][1:])


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise UserError(f"there is no file {path}", expected="a .tflite file", fix="export the model again")
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}", received=error.strerror or error) from error


def _open(content: bytes, path: object, num_threads: int | None) -> Any:
    if num_threads is not None:
        positive_int("num_threads", num_threads)
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise UserError("a TFLite file needs LiteRT", fix="`pip install ai-edge-litert`") from error
    try:
        interpreter = Interpreter(model_content=content, num_threads=num_threads)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise Damaged(path, error) from error
    return interpreter


def _inputs(runner: Any) -> dict[str, tuple[str, list[int | None]]]:
    """Returns (dtype, shape) of each input; None in a shape stands for any number of rows."""
    details = runner.get_input_details()
    return {
        name: (np.dtype(detail["dtype"]).name, [None if n < 0 else int(n) for n in detail["shape_signature"]])
        for name, detail in details.items()
    }
