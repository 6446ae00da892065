"""A table is read as it is written, and what does not fit is told with its line and column.

Written against these mutations: categories in the order of the file, labels modelled as a column, a comma
taken for every delimiter, missing cells as categories, rows counted without the header, a blank first name kept.
"""

import numpy as np
import pytest
from kit.images import one_line

from tfvae.checks import UserError
from tfvae.training import data
from tfvae.training.data import table
from tfvae.training.data.found import WHOLE


@pytest.fixture
def csv(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "table.csv"
        path.write_bytes(text.encode(encoding))
        return str(path)

    return write


GOOD = "age,colour,size\n20,red,1.5\n30,blue,2.5\n40,red,-1e3\n"


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD.replace(",", ", "),
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD.replace("red", '"red"') + "\n\n",
    ],
    ids=["commas", "semicolons", "tabs", "spaces", "Windows", "byte order mark", "quotes"],
)
def test_numbers_stay_and_text_becomes_one_hot(csv, text):
    found = table.read(csv(text))
    assert found.columns.names == ["age", "colour=blue", "colour=red", "size"]
    np.testing.assert_array_equal(
        found.splits[WHOLE][0], [[20, 0, 1, 1.5], [30, 1, 0, 2.5], [40, 0, 1, -1000]]
    )
    assert found.splits[WHOLE][1] is None and found.label_names == ()


def test_the_column_of_labels_is_kept_apart_with_its_names(csv):
    found = table.read(csv(GOOD), label_column="colour")
    assert found.columns.names == ["age", "size"] and found.label_names == ("blue", "red")
    assert found.splits[WHOLE][1].tolist() == [1, 0, 1]
    numbered = table.read(csv("a,class\n1,10\n2,9\n3,10\n"), label_column="class")
    assert numbered.label_names == ("9", "10") and numbered.splits[WHOLE][1].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("a,b\n", "has no rows; expected at least one below the header"),
        ("1,2\n3,4\n5,6\n", "first line of .* holds numbers.*add a line of names"),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n", "first line of .* holds numbers"),
        (",a\n0,1\n1,2\n", r"column 1 of .* has no name.*index=False"),
        ("a,b,a\n1,2,3\n4,5,6\n", "two columns a"),
        ("a,b\n1,2\n3\n", "line 3 of .* has no cells from column b on; expected 2 cells.*received 1"),
        ("a,b\n1,2\n3,4,5\n", "line 3 of .* has more cells after column b; expected 2"),
        ("a,b\n1,2\n3,\n5,6\n", "line 3, column b of .* is missing; expected a number; received ''"),
        ("a,b\n1,2\n3,NA\n5,6\n", "line 3, column b of .* is missing.*received 'NA'"),
        ("a,b\n1,2\n3,nan\n5,6\n", "line 3, column b of .* is missing"),
        ("a,b\n1,2\n3,inf\n5,6\n", "line 3, column b of .* is not finite"),
        (
            "a,b\n1,2\n3,many\n5,6\n",
            "line 3, column b of .* is no number; expected a number, as in most other rows; received 'many'",
        ),
        ("a,b\n1,x\n3,\n5,y\n", "line 3, column b of .* is missing; expected a category"),
        ("a;b\n1;2\n3;2,5\n5;6,5\n7;8,5\n", "line 3, column b of .* has a decimal comma"),
        ("a,b\n" + "".join(f"{i},name {i}\n" for i in range(101)), "101 different texts in 101 rows"),
        ('a,b\n1,"x\n', "cannot be read"),
        ("a,b\n\n1,2\n3,4\n\n5,oh\n", "line 6, column b"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(csv, text, told):
    with pytest.raises(UserError, match=told) as caught:
        table.read(csv(text))
    one_line(caught)


def test_no_text_and_no_file(csv, tmp_path):
    with pytest.raises(UserError, match=r"is no text in UTF-8.*byte 10"):
        table.read(csv("name,b\n1,2é\n", "latin-1"))
    with pytest.raises(UserError, match="there is no file"):
        data.load(str(tmp_path / "none.csv"))
    with pytest.raises(UserError, match="cannot be read; received Is a directory"):
        (tmp_path / "folder.csv").mkdir()
        data.load(str(tmp_path / "folder.csv"))


def test_a_wrong_column_of_labels(csv):
    with pytest.raises(
        UserError, match="no column sex for --label-column; expected one of age, colour, size"
    ):
        data.load(csv(GOOD), label_column="sex")
    with pytest.raises(UserError, match="no column but the labels"):
        data.load(csv("a\nx\ny\n"), label_column="a")


def written(csv, rows=100):
    lines = [f"{i},{'ab'[i % 2]},{1000 + i}" for i in range(rows)]
    return csv("\n".join(["number,letter,more", *lines]) + "\n")


def test_the_rows_are_split_once_and_wholly(csv):
    path = written(csv)
    first, other = (data.load(path, seed=seed, label_column="letter") for seed in (0, 1))
    assert [len(split) for split in (first.train, first.validation, first.test)] == [72, 8, 20]
    np.testing.assert_array_equal(first.test.images, other.test.images)
    assert (first.validation.images != other.validation.images).any()
    whole = np.concatenate([split.images for split in (first.train, first.validation, first.test)])
    assert sorted(whole[:, 0]) == list(range(100)) and (whole[:, 1] == whole[:, 0] + 1000).all()
    for split in (first.train, first.validation, first.test):
        assert (split.labels == split.images[:, 0] % 2).all()
    assert first.fingerprint() == data.load(path, label_column="letter").fingerprint()
    assert first.fingerprint() != data.load(path).fingerprint()


def test_columns_are_standardised_by_the_training_rows_alone(csv):
    path = written(csv)
    plain, seen = data.load(path), data.load(path, standardize="columns")
    assert plain.train.images.dtype == seen.train.images.dtype == np.float32
    np.testing.assert_allclose(seen.train.images[:, [0, 3]].mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(seen.train.images[:, [0, 3]].std(axis=0), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(seen.train.images[:, 1:3], plain.train.images[:, 1:3])
    assert abs(seen.test.images[:, 0].mean()) > 0.01
    for split in ("train", "validation", "test"):
        back = seen.columns.units(getattr(seen, split).images)
        np.testing.assert_allclose(back, getattr(plain, split).images, rtol=1e-5, atol=1e-5)
    assert data.load(path, standardize=None).fingerprint() == seen.fingerprint() != plain.fingerprint()


def test_large_numbers_keep_their_digits(csv):
    path = csv("a,b\n" + "".join(f"{1e9 + i},{i}\n" for i in range(50)))
    seen = data.load(path, standardize="columns").train.images
    np.testing.assert_allclose(seen[:, 0], seen[:, 1], rtol=1e-6)


def test_a_column_that_does_not_vary_is_named(csv):
    path = csv("a,b\n" + "".join(f"{i},7\n" for i in range(20)))
    with pytest.raises(UserError, match=r"column b does not vary.*received 7 in all 14.*remove the column"):
        data.load(path, standardize="columns")
    assert data.load(path).train.images.shape == (14, 2)
    path = csv("a,b\n" + "".join(f"{i},yes\n" for i in range(20)))
    with pytest.raises(
        UserError, match="column b does not vary; expected at least 2 categories; received yes"
    ):
        data.load(path, standardize="columns")
    with pytest.raises(UserError, match="too few examples to split"):
        data.load(csv("a,b\n1,2\n"))
