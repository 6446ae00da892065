"""The mean over a global batch, as a replica without rows of it sees it.

Mutation, seen to break the test: the numbers of an example counted in the rows that the replica holds.
"""

import tensorflow as tf

from tfvae.models import replicas


def test_a_replica_without_rows_has_the_mean_of_all(monkeypatch):
    """It holds a row that was filled in; the other one holds the numbers 1, 2, 3 and 4 of an example of weight 1."""
    elsewhere = iter([1.0, 10.0, 1.0])  # in the order of asking: weight, weighted sum, weight
    monkeypatch.setattr(replicas, "count", lambda: 2)
    monkeypatch.setattr(replicas, "total", lambda value: value + next(elsewhere))
    mean = replicas.mean(tf.fill([2, 1, 2], 9.0), tf.constant([0.0]), tf.constant(0))
    assert float(mean) == 2.5
