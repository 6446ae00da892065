"""Figures of tables: which columns they show, and what they refuse.

Written against these mutations: columns of text among the pairs, the first five columns in the place of the
most correlated, categories of the second table left out of the shares.
"""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tfvae import plotting
from tfvae.checks import UserError
from tfvae.plotting import tables

RNG = np.random.default_rng(0)


def table(rows=50, numbers=3):
    first = RNG.normal(size=rows)
    columns = {f"x{index}": first + RNG.normal(size=rows) for index in range(numbers)}
    return columns | {"colour": RNG.choice(["red", "blue"], rows)}


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Returns a function that draws and returns the figure."""
    kept = []
    monkeypatch.setattr(tables, "save", lambda figure, path: kept.append(figure) or path)

    def drawn(function, *arguments, **options) -> Figure:
        function(tmp_path / "figure.png", *arguments, title="title", **options)
        return kept[-1]

    return drawn


def test_marginals_have_a_panel_for_each_column(drawn):
    figure = drawn(plotting.save_marginals, {"data": table(), "samples": table(30)})
    assert [axes.get_title() for axes in figure.axes] == ["x0", "x1", "x2", "colour"]
    assert [text.get_text() for text in figure.axes[3].get_xticklabels()] == ["blue", "red"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["data", "samples"]
    many = drawn(plotting.save_marginals, {"data": {f"c{i}": np.arange(3.0) for i in range(40)}})
    assert len(many.axes) == 36 and "the first 36 of 40 columns" in many.get_suptitle()


def test_bars_are_shares_and_rare_categories_are_one_bar(drawn):
    data, samples = np.array(["a"] * 6 + ["b"] * 2), np.array(["a", "c", "c", "c"])
    bars = drawn(plotting.save_marginals, {"data": {"k": data}, "samples": {"k": samples}}).axes[0].patches
    assert [bar.get_height() for bar in bars] == [0.75, 0.25, 0.0, 0.25, 0.0, 0.75]
    names = np.array([f"n{index:02d}" for index in range(20)])
    axes = drawn(plotting.save_marginals, {"data": {"k": names}}).axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()][-1] == tables.OTHERS
    assert len(axes.patches) == 13 and axes.patches[-1].get_height() == pytest.approx(8 / 20)


def test_pairs_are_those_that_go_together(drawn):
    data = {f"noise{index}": RNG.normal(size=200) for index in range(6)}
    common = RNG.normal(size=200)
    data = (
        data
        | {f"tied{index}": common + 0.1 * RNG.normal(size=200) for index in range(5)}
        | {"text": ["a"] * 200}
    )
    figure = drawn(plotting.save_pairs, {"data": data, "samples": data})
    names = [axes.get_ylabel() for axes in figure.axes[::5]]
    assert names == [f"tied{index}" for index in range(5)] and len(figure.axes) == 25
    told = [text.get_text() for text in figure.axes[1].texts]
    expected = np.corrcoef(data["tied0"], data["tied1"])[0, 1]
    assert told == [f"{expected:+.2f}"] * 2


@pytest.mark.parametrize(
    ("save", "given", "told"),
    [
        (plotting.save_marginals, {}, "bad number of tables"),
        (plotting.save_marginals, {"a": {}}, "a is no table"),
        (plotting.save_marginals, {"a": {"x": np.zeros(2), "y": np.zeros(3)}}, "a is no table"),
        (plotting.save_marginals, {"a": {"x": np.array([np.nan, 1.0])}}, "x are not finite"),
        (plotting.save_marginals, {"a": {"x": np.zeros(2)}, "b": {"y": np.zeros(2)}}, "differ in columns"),
        (plotting.save_pairs, {"a": {"x": np.zeros(2), "y": ["a", "b"]}}, "received 1 and 2"),
        (plotting.save_pairs, {"a": {"x": np.zeros(1), "y": np.zeros(1)}}, "received 2 and 1"),
    ],
)
def test_what_is_no_table_is_refused(save, given, told, tmp_path):
    with pytest.raises(UserError, match=told):
        save(tmp_path / "figure.png", given, title="")
