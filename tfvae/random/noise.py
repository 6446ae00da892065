"""What noise is, and noise that is read from other noise."""

from __future__ import annotations

import abc

import tensorflow as tf


class Noise(abc.ABC):
    """A source of independent noise for every (stream, sample, row, unit)."""

    @abc.abstractmethod
    def draw(self, kind: str, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Draws noise.

        Args:
            kind: "normal" for a standard normal distribution, "uniform" for a uniform one on (0, 1).
            stream: name of the use; different names give independent noise.
            num_samples: number of samples for each row.
            size: number of units for each sample.

        Returns:
            noise: [num_samples, rows, size], float32.
        """

    def normal(self, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Returns standard normal noise: [num_samples, rows, size]; see `draw`."""
        return self.draw("normal", stream, num_samples, size)

    def uniform(self, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Returns noise uniform on (0, 1), or [0, 1) from Philox: [num_samples, rows, size]; see `draw`."""
        return self.draw("uniform", stream, num_samples, size)


class Recorded(Noise):
    """Noise that is drawn once and can be read again.

    Args:
        noise: source of the noise.
    """

    def __init__(self, noise: Noise) -> None:
        self._noise = noise
        self._drawn: dict[tuple[str, str], tf.Tensor] = {}

    def draw(self, kind: str, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """See `Noise.draw`."""
        if (kind, stream) not in self._drawn:
            self._drawn[kind, stream] = self._noise.draw(kind, stream, num_samples, size)
        return self._drawn[kind, stream]


class Outside(Noise):
    """Noise that is drawn in the graph in which this object was made, whatever graph uses it.

    XLA draws other numbers from the same seed and is slower at it. A function compiled by XLA therefore takes its noise
    from the graph around it.

    Args:
        noise: source of the noise.
    """

    def __init__(self, noise: Noise) -> None:
        self._noise = noise
        self._graph = tf.compat.v1.get_default_graph()

    def draw(self, kind: str, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """See `Noise.draw`."""
        with self._graph.as_default():
            return self._noise.draw(kind, stream, num_samples, size)


class Chosen(Noise):
    """The noise of chosen samples of a recording.

    Args:
        recorded: noise of all samples.
        index: numbers of the chosen samples of each row, [m, rows], int32.
    """

    def __init__(self, recorded: Recorded, index: tf.Tensor) -> None:
        self._recorded = recorded
        self._index = index

    def draw(self, kind: str, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Returns the noise of the m chosen samples: [m, rows, size]."""
        whole = self._recorded.draw(kind, stream, num_samples, size)
        rows, size = tf.shape(whole)[1], whole.shape[2]
        return tf.gather(tf.reshape(whole, [-1, size]), self._index * rows + tf.range(rows))


class Sliced(Noise):
    """Noise of adjoining samples of a recording.

    Args:
        noise: source of the noise.
        total: number of samples that are drawn at once.

    Attributes:
        start: number of the first sample to read.
    """

    def __init__(self, noise: Noise, total: int) -> None:
        self._recorded, self._total = Recorded(noise), total
        self.start: int | tf.Tensor = 0

    def draw(self, kind: str, stream: str, num_samples: int, size: int) -> tf.Tensor:
        """Returns the noise of `num_samples` samples from `start` on: [num_samples, rows, size]."""
        whole = self._recorded.draw(kind, stream, self._total, size)
        some = tf.slice(whole, tf.stack([self.start, 0, 0]), [num_samples, -1, size])
        return tf.ensure_shape(some, [num_samples, None, size])
