"""Ranges of numbers, and the one printable line in which an error is told.

Mutations, each seen to break a test here: no upper bound in `int_from`; the range compared after float(); `printable`
left out of `UserError`; the parts of a line not shortened.
"""

import numpy as np
import pytest

from tfvae.checks import (
    LARGEST_INT,
    LINE,
    UserError,
    int_from,
    not_finite,
    number_in,
    one_of,
    positive_int,
    printable,
    seed_of,
    shape_of,
)

HUGE = 10**5000  # more digits than Python writes


@pytest.mark.parametrize(
    ("check", "told"),
    [
        (
            lambda: positive_int("n", 4294967300),
            "n is too large; .*from 1 to 2147483647; received 4294967300",
        ),
        (lambda: positive_int("n", HUGE), "received int too long to show"),
        (lambda: positive_int("n", -HUGE), "positive integer; .* int too long to show"),
        (lambda: positive_int("n", np.int64(2**40)), "too large"),
        (lambda: int_from(2, "n", 11, 10), "expected an integer from 2 to 10; received 11"),
        (lambda: int_from(2, "n", 1, 10), "expected an integer >= 2; received 1"),
        (lambda: number_in("a", 10**400, 0), "a is out of range"),
        (lambda: number_in("a", HUGE, -np.inf), "received int too long to show"),
        (lambda: number_in("a", 1e39, 0), r"expected a number in \[0, 1e\+38\]; received 1e\+39"),
        (lambda: number_in("a", -1e39, -np.inf), "out of range"),
        (lambda: number_in("a", np.inf, 0), "out of range"),
        (lambda: number_in("a", np.nan, 0), "out of range"),
        (lambda: number_in("a", 0, 0, open_low=True), r"\(0, 1e\+38\]"),
        (lambda: seed_of("seed", 2**31), "seed is not a 32-bit integer; .* received 2147483648"),
        (lambda: seed_of("seed", -(2**31) - 1), "32-bit"),
        (lambda: seed_of("seed", 1.0), "32-bit"),
        (lambda: shape_of("shape", (10**6, 10**6)), "shape is too large; .*at most 2147483647 numbers"),
        (lambda: shape_of("shape", HUGE), "too large"),
        (lambda: one_of("name", ["a"], ("a", "b")), r"unknown name; .* received \['a'\]"),
    ],
)
def test_what_is_out_of_range_is_told_in_one_line(check, told):
    with pytest.raises(UserError, match=told) as caught:
        check()
    assert len(str(caught.value)) <= LINE and str(caught.value).isprintable()


def test_ends_of_a_range_belong_to_it():
    assert positive_int("n", LARGEST_INT) == LARGEST_INT and positive_int("n", 10, 10) == 10
    assert number_in("a", 1e38, 0) == 1e38 and number_in("a", -1e38, -np.inf) == -1e38
    assert number_in("a", np.float32(0.5), 0, 0.5) == 0.5 and type(number_in("a", 1, 0)) is float
    assert seed_of("seed", -(2**31)) == -(2**31) and shape_of("shape", LARGEST_INT) == (LARGEST_INT,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\0b\x9b", "a\\x00b\\x9b"),
        ("name\udcff.npz", "name\\udcff.npz"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("two\nlines", "two lines"),
        ("élan 图", "élan 图"),
    ],
)
def test_an_error_never_reaches_the_terminal_raw(text, expected):
    assert str(UserError(text)) == expected
    assert str(UserError("what", received=text, fix="mend it")) == f"what; received {expected}; mend it"
    assert printable(text).isprintable()


def test_a_long_value_is_cut_in_the_middle_and_the_rest_stays():
    line = str(UserError("what is wrong", expected="a name", received="x" * 5000 + "end", fix="mend it"))
    assert line.startswith("what is wrong; expected a name; received xxx") and line.endswith("xend; mend it")
    assert "..." in line and LINE - 4 <= len(line) <= LINE
    several = str(UserError("w" * 5000, expected="e" * 5000, received="r" * 5000, fix="f" * 5000))
    assert all(f"{letter * 30}..." in several for letter in "werf") and len(several) <= LINE
    fits = "x" * (LINE - 10)
    assert str(UserError(fits)) == fits


def test_rows_that_are_not_finite_are_counted_and_the_first_is_named():
    values = np.zeros((5, 2, 3))
    assert not_finite(values) is None and not_finite(np.zeros((0, 2))) is None
    values[3, 1] = np.nan
    values[4, 0, 2] = -np.inf
    assert not_finite(values) == (2, 3)
    assert not_finite([1.0, np.inf, np.nan]) == (2, 1)
    assert not_finite(np.arange(3)) is None
