"""A folder of images: what lies where decides labels and splits, and a file that does not fit is named.

Written against these mutations: height and width swapped on resizing, images stretched rather than cropped,
labels in the order of the file system, splits taken for classes, 16 bits cut to their low byte.
"""

import numpy as np
import pytest
from kit.images import one_line
from PIL import Image

from tfvae.checks import UserError
from tfvae.training import data


@pytest.fixture
def draw(tmp_path):
    def draw(name, value=0, shape=(4, 6, 3), dtype=np.uint8, mode=None):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(np.full(shape, value, dtype))
        (image.convert(mode) if mode else image).save(path)
        return str(tmp_path / "images")

    return draw


def test_sub_folders_are_labels_with_names(draw, tmp_path):
    for index in range(10):
        draw(f"{'dog' if index % 2 else 'cat'}/{'deep/' * (index > 5)}{index}.png", 10 * index)
    path = draw("dog/.hidden.png", 255)
    (tmp_path / "images" / "cat" / "notes.txt").write_text("no image")
    loaded = data.load(path)
    assert loaded.label_names == ("cat", "dog") and loaded.image_shape == (4, 6, 3)
    assert [len(loaded.train), len(loaded.validation), len(loaded.test)] == [7, 1, 2]
    values = []
    for split in (loaded.train, loaded.validation, loaded.test):
        assert split.images.dtype == np.uint8
        assert (split.labels == split.images[:, 0, 0, 0] // 10 % 2).all()
        values += split.images[:, 0, 0, 0].tolist()
    assert sorted(values) == [10 * index for index in range(10)]
    assert loaded.fingerprint() == data.load(path).fingerprint()
    draw("cat/0.png", 1)
    assert loaded.fingerprint() != data.load(path).fingerprint()


def test_no_sub_folders_no_labels(draw):
    for index in range(5):
        path = draw(f"{index}.png", index)
    loaded = data.load(path)
    assert loaded.train.labels is None and loaded.label_names == ()


def test_train_and_test_are_splits(draw):
    for split, count in (("train", 6), ("test", 3), ("val", 2)):
        for index in range(count):
            path = draw(f"{split}/{'ab'[index % 2]}/{index}.jpg", 200 + index)
    loaded = data.load(path)
    assert [len(loaded.train), len(loaded.validation), len(loaded.test)] == [6, 2, 3]
    assert loaded.label_names == ("a", "b") and loaded.test.labels.tolist() == [0, 0, 1]
    draw("valid/a/0.jpg")
    with pytest.raises(
        UserError, match="several sub-folders for validation; expected one of them; received val, valid"
    ):
        data.load(path)


@pytest.mark.parametrize(
    ("value", "shape", "dtype", "mode", "expected"),
    [
        (7, (4, 6), np.uint8, None, [7]),
        (True, (4, 6), bool, None, [255]),
        (257 * 130, (4, 6), np.uint16, None, [130]),
        ([10, 20, 30], (4, 6, 3), np.uint8, None, [10, 20, 30]),
        ([10, 20, 30, 255], (4, 6, 4), np.uint8, None, [10, 20, 30]),
        ([10, 20, 30, 0], (4, 6, 4), np.uint8, None, [255, 255, 255]),
        ([90, 90, 90], (4, 6, 3), np.uint8, "LA", [90]),
        ([255, 0, 0], (4, 6, 3), np.uint8, "P", [255, 0, 0]),
    ],
    ids=["grey", "two levels", "16 bits", "colour", "opaque", "transparent", "grey with alpha", "palette"],
)
def test_pixels_are_bytes(draw, value, shape, dtype, mode, expected):
    for index in range(3):
        path = draw(f"{index}.png", value, shape, dtype, mode)
    loaded = data.load(path)
    pixels = np.concatenate([split.images for split in (loaded.train, loaded.validation, loaded.test)])
    pixels = pixels * (1 if pixels.dtype == np.uint8 else 255)
    assert pixels.shape == (3, 4, 6, len(expected)) and (pixels == expected).all()


def test_one_colour_image_makes_all_of_them_colour(draw):
    draw("0.png", 9, (4, 6))
    for index in (1, 2):
        path = draw(f"{index}.png", [1, 2, 3])
    loaded = data.load(path, validation_size=0)
    pixels = np.concatenate([loaded.train.images, loaded.test.images])[:, 0, 0].tolist()
    assert sorted(pixels) == [[1, 2, 3], [1, 2, 3], [9, 9, 9]]


def test_images_are_cropped_and_resized_on_request(draw, tmp_path):
    for index in range(3):
        path = draw(f"{index}.png")
        picture = np.zeros((20, 60, 3), np.uint8)
        picture[:, 20:40] = 255  # the middle square
        Image.fromarray(picture).save(tmp_path / "images" / f"{index}.png")
    assert data.load(path, image_size=[8]).image_shape == (8, 8, 3)
    assert (data.load(path, image_size=[8]).train.images > 230).all()
    wide = data.load(path, image_size=[4, 12])
    assert wide.image_shape == (4, 12, 3)
    assert (wide.train.images[0, :, 5:7] > 250).all() and (wide.train.images[0, :, :2] < 5).all()
    for bad, told in (
        ([0], "image size is not a positive"),
        ([1, 2, 3], "one side or two"),
        ([10**6], "too large"),
    ):
        with pytest.raises(UserError, match=told):
            data.load(path, image_size=bad)


def test_a_broken_image_is_named(draw, tmp_path):
    for index in range(4):
        path = draw(f"{index}.png", index)
    broken = tmp_path / "images" / "2.png"
    whole = broken.read_bytes()
    for content in (b"", b"no image", whole[: len(whole) // 2]):
        broken.write_bytes(content)
        with pytest.raises(UserError, match=r"images/2\.png is no image.*repair or remove it") as caught:
            data.load(path)
        one_line(caught)


def test_images_of_two_sizes_are_refused_by_name(draw):
    for index in range(4):
        path = draw(f"{index}.png", index)
    draw("odd.png", 0, (6, 6, 3))
    with pytest.raises(
        UserError, match=r"expected one size, such as 4 x 6.*6 x 6 in .*odd\.png.*--image-size"
    ):
        data.load(path)
    assert data.load(path, image_size=[5]).image_shape == (5, 5, 3)


def test_folders_that_are_none(draw, tmp_path):
    with pytest.raises(UserError, match="there is no folder"):
        data.load(f"{tmp_path}/nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"holds no images; expected files that end in \.png"):
        data.load(str(tmp_path / "empty"))
    draw("a/0.png")
    path = draw("1.png")
    with pytest.raises(UserError, match=r"has images beside sub-folders of images.*1 beside them"):
        data.load(path)
    one = draw("../single/0.png").replace("images", "single")
    with pytest.raises(UserError, match="too few examples to split"):
        data.load(one)
