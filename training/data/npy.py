"""Images or vectors from an .npy file, which holds one array."""

from __future__ import annotations

from tfvae import files
from tfvae.checks import UserError
from tfvae.training.data import arrays, values
from tfvae.training.data.columns import Columns
from tfvae.training.data.found import WHOLE, Found


def read(path: str) -> Found:
    """Reads an .npy file, without a split and without labels.

    Args:
        path: file with images [N, H, W] or [N, H, W, C], or vectors [N, D].

    Raises:
        UserError: if the file is missing or damaged, or its array has a wrong dtype or rank, is empty, or has values
            that are not finite.
    """
    try:
        with files.open_regular(path) as file:
            array = arrays.read_array(file)
    except FileNotFoundError:
        raise UserError(f"there is no file {path}", expected="an .npy file with one array") from None
    except arrays.Objects:
        raise UserError(
            f"{path} holds an array of Python objects",
            expected="an array of numbers as numpy.save writes it",
            received="dtype object",
        ) from None
    except UserError:
        raise
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read as .npy",
            expected="an array of numbers as numpy.save writes it",
            received=str(error) or type(error).__name__,
        ) from None
    examples = values.examples(f"the array of {path}", array)
    columns = Columns.numbered(examples.shape[1]) if examples.ndim == 2 else None
    return Found({WHOLE: (examples, None, None)}, columns)
