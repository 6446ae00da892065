"""A client of a served model: `python -m tfvae.export.serving.client --help`."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike

from tfvae import files
from tfvae.checks import UserError, positive_int
from tfvae.export.inputs import as_request, by_sample, check_signature, draws, row_seeds
from tfvae.export.serving.transport import Grpc, Rest

BATCH = 64  # rows of one request: the default largest batch of an export


class Client:
    """A client of a served model. It checks requests before they are sent, and answers before they are returned.

    Args:
        transport: `Rest` or `Grpc`.
        batch: most rows in one request.

    Example:
        client = Client(Rest("http://localhost:8501"))
        images = client.sample(16, seed=7)
    """

    def __init__(self, transport: Rest | Grpc, batch: int = BATCH) -> None:
        self._transport = transport
        self._batch = positive_int("batch", batch)
        self.signatures = transport.signatures()
        for name, (inputs, outputs) in self.signatures.items():
            check_signature("the served model", name, inputs, set(outputs))

    def sample(self, n: int, seed: int, condition: ArrayLike | None = None) -> np.ndarray:
        """Returns the mean images of draws from the prior, the same as `model.sample(n, seed)`.

        Args:
            n: number of draws, for each condition if there are conditions.
            seed: 32-bit integer that determines the draws.
            condition: conditions, [B, *condition_shape], for a model that takes them.

        Returns:
            images: [n, *event_shape], or [n, B, *event_shape] with conditions.
        """
        _, outputs = self.signatures.get("sample", ({}, {}))
        size = math.prod(size or 1 for size in outputs["image"][1]) if outputs else 0
        return by_sample(self.run("sample", **draws(n, seed, condition, size))["image"], n, condition)

    def predict(self, condition: ArrayLike) -> np.ndarray:
        """Returns the mean predictions for conditions [B, ...]: [B, *event_shape]."""
        return self.run("predict", condition=condition)["image"]

    def reconstruct(self, x: ArrayLike, condition: ArrayLike | None = None) -> np.ndarray:
        """Returns the mean reconstructions of examples x: [B, *event_shape].

        Args:
            x: examples, [B, *event_shape].
            condition: conditions, [B, *condition_shape], for a model that takes them.
        """
        return self.run("reconstruct", x=x, **_inputs(condition))["image"]

    def score(self, x: ArrayLike, seed: int = 0, condition: ArrayLike | None = None) -> dict[str, np.ndarray]:
        """Returns the evidence lower bound and log p(x) of examples.

        Args:
            x: examples, [B, *event_shape].
            seed: 32-bit integer that determines the particles.
            condition: conditions, [B, *condition_shape], for a model that takes them.

        Returns:
            scores: "elbo" and "log_prob", [B] each, nats; only "log_prob" for a regressor.
        """
        seeds = {"seed": row_seeds(seed, max(1, len(np.atleast_1d(x))))}
        takes, _ = self.signatures.get("log_prob", ({}, {}))
        return self.run("log_prob", x=x, **(seeds if "seed" in takes else {}), **_inputs(condition))

    def run(self, signature: str, **inputs: ArrayLike) -> dict[str, np.ndarray]:
        """Runs a signature on any number of rows.

        Raises:
            UserError: if the server has no such signature, an input does not fit, or no answer that fits the request
                comes in time.
        """
        table = {name: specs for name, (specs, _) in self.signatures.items()}
        rows, total = as_request(table, signature, inputs)
        outputs = self.signatures[signature][1]
        parts = [self._ask(signature, rows, start) for start in range(0, total, self._batch)]
        return {name: np.concatenate([part[name] for part in parts]) for name in sorted(outputs)}

    def _ask(self, signature: str, rows: dict[str, np.ndarray], start: int) -> dict[str, np.ndarray]:
        part = {name: value[start : start + self._batch] for name, value in rows.items()}
        return self._transport.predict(signature, part)


def _inputs(condition: ArrayLike | None) -> dict[str, ArrayLike]:
    return {} if condition is None else {"condition": condition}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(message, fix=f"see `{self.prog} --help`")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m tfvae.export.serving.client", description="Ask a served tfvae model.")
    parser.add_argument(
        "--rest", default="http://localhost:8501", help="URL (default: http://localhost:8501)"
    )
    parser.add_argument("--grpc", metavar="HOST:PORT", help="ask over gRPC instead")
    parser.add_argument("--model", default="tfvae", help="its name on the server (default: tfvae)")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    sample = commands.add_parser("sample", help="images from the prior")
    sample.add_argument("-n", type=int, default=16)
    for name, text in (("reconstruct", "mean reconstructions"), ("score", "bound and estimate of log p(x)")):
        command = commands.add_parser(name, help=text)
        command.add_argument("file", metavar="FILE.npy", help="examples, float32 [N, ...]")
    predict = commands.add_parser("predict", help="mean predictions for conditions")
    predict.add_argument(
        "--condition", metavar="FILE.npy", required=True, help="conditions, float32 [N, ...]"
    )
    for name in ("sample", "reconstruct", "score"):
        commands.choices[name].add_argument(
            "--condition", metavar="FILE.npy", help="of a model that takes one, float32 [N, ...]"
        )
    for name in ("sample", "score"):
        commands.choices[name].add_argument("--seed", type=int, default=0)
    for name in ("sample", "predict", "reconstruct"):
        commands.choices[name].add_argument("--out", metavar="FILE.npy", required=True)
    return parser


def _load(file: str) -> np.ndarray:
    try:
        return np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError, OverflowError) as error:
        raise UserError(f"cannot read {file}", expected="a .npy file", received=f"{error}") from error


def _out(name: str) -> Path:
    try:
        if "\0" not in name:
            return Path(name).with_suffix(".npy")
    except ValueError:  # a path without a name
        pass
    raise UserError(f"--out {name!r} names no file", fix="give it a name such as x.npy")


def _run(options: argparse.Namespace) -> None:
    command = options.command
    out = Path() if command == "score" else _out(options.out)
    x = _load(options.file) if command in ("reconstruct", "score") else np.empty(0)
    condition = None if options.condition is None else _load(options.condition)
    transport = Grpc(options.grpc, options.model) if options.grpc else Rest(options.rest, options.model)
    client = Client(transport)
    if command == "score":
        result = client.score(x, options.seed, condition)
        for name, values in result.items():
            print(f"{name} {values.mean():.4f} nats, mean of {len(values)}")
        return
    if command == "sample":
        images = client.sample(options.n, options.seed, condition)
    elif command == "reconstruct":
        images = client.reconstruct(x, condition)
    else:
        images = client.predict(np.asarray(condition))
    try:
        with files.replacing(out) as temporary:
            np.save(temporary, images)
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror or error}") from error
    print(f"{out}: {list(images.shape)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the client. Returns its exit code: 0, or 2 after one line about a user error."""
    try:
        _run(_parser().parse_args(arguments))
    except UserError as error:
        print(f"client: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
