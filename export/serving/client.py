"""A client of a served model: `python -m tfvae.export.serving.client --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike

from tfvae import files
from tfvae.checks import UserError, positive_int
from tfvae.export.inputs import as_request, row_seeds
from tfvae.export.serving.transport import Grpc, Rest

BATCH = 64  # rows of one request: the largest batch of an export unless it was told otherwise


class Client:
    """Asks a served model; what does not fit its signatures is not sent.

    Args:
        transport: `Rest` or `Grpc`.
        batch: most rows in one request.
    """

    def __init__(self, transport: Rest | Grpc, batch: int = BATCH) -> None:
        self._transport = transport
        self._batch = positive_int("batch", batch)
        self.signatures = transport.signatures()

    def sample(self, n: int, seed: int) -> np.ndarray:
        """Returns the mean images of n draws: [n, *event_shape]; those of `model.sample(n, seed)`."""
        return self.run("sample", seed=row_seeds(seed, n))["image"]

    def reconstruct(self, x: ArrayLike) -> np.ndarray:
        """Returns the mean reconstructions of x [B, *event_shape]."""
        return self.run("reconstruct", x=x)["image"]

    def score(self, x: ArrayLike, seed: int = 0) -> dict[str, np.ndarray]:
        """Returns "elbo" and "log_prob" of x, [B] each, nats."""
        return self.run("log_prob", x=x, seed=row_seeds(seed, max(1, len(np.atleast_1d(x)))))

    def run(self, signature: str, **inputs: ArrayLike) -> dict[str, np.ndarray]:
        """Runs a signature on any number of rows.

        Raises:
            UserError: if the server has no such signature, an input does not fit, or the server does not answer.
        """
        table = {name: specs for name, (specs, _) in self.signatures.items()}
        rows, total = as_request(table, signature, inputs)
        outputs = self.signatures[signature][1]
        parts = [self._ask(signature, rows, outputs, start) for start in range(0, total, self._batch)]
        return {name: np.concatenate([part[name] for part in parts]) for name in outputs}

    def _ask(self, signature, rows, outputs, start):
        part = {name: value[start : start + self._batch] for name, value in rows.items()}
        answer = self._transport.predict(signature, part)
        if set(answer) == {""}:
            answer = dict.fromkeys(outputs, answer[""])
        return {name: np.asarray(answer[name], dtype) for name, (dtype, _) in outputs.items()}


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
    for name in ("sample", "score"):
        commands.choices[name].add_argument("--seed", type=int, default=0)
    for name in ("sample", "reconstruct"):
        commands.choices[name].add_argument("--out", metavar="FILE.npy", required=True)
    return parser


def _run(options: argparse.Namespace) -> None:
    x = None
    if options.command != "sample":
        try:
            x = np.load(options.file, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise UserError(
                f"cannot read {options.file}", expected="a .npy file", received=f"{error}"
            ) from error
    transport = Grpc(options.grpc, options.model) if options.grpc else Rest(options.rest, options.model)
    client = Client(transport)
    if options.command == "score":
        result = client.score(x, options.seed)
        for name, values in result.items():
            print(f"{name} {values.mean():.4f} nats, mean of {len(values)}")
        return
    images = client.sample(options.n, options.seed) if options.command == "sample" else client.reconstruct(x)
    out = Path(options.out)
    try:
        with files.replacing(out.with_suffix(".npy")) as temporary:
            np.save(temporary, images)
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror or error}") from error
    print(f"{out.with_suffix('.npy')}: {list(images.shape)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the client; returns its exit code: 0, or 2 after one line about what the user can mend."""
    try:
        _run(_parser().parse_args(arguments))
    except UserError as error:
        print(f"client: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
