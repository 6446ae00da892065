"""Columns give back the units and categories of a table."""

import json

import numpy as np
import pytest

from tfvae.training.data import Column, Columns

TABLE = Columns(
    (Column("age", loc=30.0, scale=10.0), Column("colour", ("blue", "red")), Column("size")), True
)


def test_units_and_categories():
    seen = np.array([[1.0, 0.9, 0.1, 2.0], [-1.0, -0.2, 0.3, 0.5]])
    np.testing.assert_allclose(TABLE.units(seen)[:, 0], [40.0, 20.0])
    table = {name: values.tolist() for name, values in TABLE.table(seen).items()}
    assert table == {"age": [40.0, 20.0], "colour": ["blue", "red"], "size": [2.0, 0.5]}
    np.testing.assert_allclose(TABLE.numbers(seen), [[40, 1, 0, 2], [20, 0, 1, 0.5]])
    np.testing.assert_allclose(TABLE.seen(TABLE.units(seen)), seen, rtol=1e-6)


def test_they_come_back_from_json():
    assert Columns.from_json(json.loads(json.dumps(TABLE.to_json()))) == TABLE
    damaged = TABLE.to_json()
    damaged["columns"][0]["scale"] = 0.0
    with pytest.raises(ValueError, match="units of age"):
        Columns.from_json(damaged)


def test_numbered_columns():
    assert Columns.numbered(3).names == ["x0", "x1", "x2"]
