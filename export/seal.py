"""Writes the checksum of a TFLite file into its metadata, see `tfvae.export.checksum`."""

from __future__ import annotations

import numpy as np

from tfvae import compat
from tfvae.export.checksum import MARK, NAME, ZEROS, fill

schema, flatbuffer_utils = compat.flatbuffers()


def seal(content: bytes) -> bytes:
    """Returns the file with its checksum."""
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    place = schema.BufferT()
    place.data = np.frombuffer(MARK + ZEROS, np.uint8)
    model.buffers.append(place)
    entry = schema.MetadataT()
    entry.name, entry.buffer = NAME, len(model.buffers) - 1
    model.metadata = [*(model.metadata or ()), entry]
    return fill(bytes(flatbuffer_utils.convert_object_to_bytearray(model)))
