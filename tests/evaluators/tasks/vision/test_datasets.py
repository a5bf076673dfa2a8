from __future__ import annotations

import os
import random

import numpy as np
import pytest
import torch

from evaluators.tasks.folder import VARIABLE
from evaluators.tasks.vision import extra as optional
from evaluators.tasks.vision.augment import crop_and_flip
from evaluators.tasks.vision.task import VisionTask
from primitives import ActsearchError
from tests.evaluators.tasks.vision import made

PARTS = ("train", "validation", "test")
NAMES = {
    "cifar10": "cifar10-resnet56-v1",
    "cifar100": "cifar100-wrn-10-4",
    "eurosat": "eurosat-convnext-tiny",
    "imagenet": "imagenet-vit-tiny",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    pytest.importorskip("torchvision")
    folder = tmp_path_factory.mktemp("data")
    for make in (made.cifar10, made.cifar100, made.eurosat, made.imagenet):
        make(folder)
    return folder


@pytest.mark.parametrize(
    ("data", "sizes", "side"),
    [
        ("cifar10", (18, 2, 4), 32),
        ("cifar100", (18, 2, 20), 32),
        ("eurosat", (16, 2, 2), 64),
        ("imagenet", (25, 1, 2), 224),
    ],
)
def test_the_parts_share_no_image_and_batches_are_normalised_pictures(root, data, sizes, side):
    task = VisionTask(NAMES[data], root)
    rows = [row.numpy().tobytes() for part in PARTS for row in task.data(part).inputs]
    assert len(set(rows)) == len(rows)
    assert tuple(len(task.data(part)) for part in PARTS) == sizes
    for part in PARTS:
        rows = torch.arange(len(task.data(part))).flip(0)[:3]
        inputs, targets = task.batch(task.data(part), rows, None)
        assert inputs.shape[1:] == (3, side, side)
        assert inputs.dtype == torch.float32
        assert inputs.abs().max() < 3
        assert torch.equal(targets, task.data(part).targets[rows])


def test_cifars_pixels_and_classes_are_those_of_the_files(root):
    data = VisionTask(NAMES["cifar10"], root).data("test")
    written = made.batch(4, b"labels", 10, 5)
    assert data.targets.tolist() == written[b"labels"]
    assert np.array_equal(data.inputs.numpy().reshape(4, 3072), written[b"data"])


def test_imagenets_classes_are_the_folders_in_alphabetical_order(root):
    task = VisionTask(NAMES["imagenet"], root)
    assert task.data("test").targets.tolist() == [0, 1]
    assert task.data("train").inputs.dtype == torch.int64


@pytest.mark.parametrize("data", ["cifar10", "imagenet"])
def test_augmentation_draws_from_its_generator_alone(root, data):
    pytest.importorskip("timm")
    task = VisionTask(f"{data}-vit-tiny", root)
    train, rows = task.data("train"), torch.arange(3)
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    one, other, third = (task.batch(train, rows, torch.Generator().manual_seed(seed))[0] for seed in (7, 7, 8))
    assert torch.equal(one, other)
    assert not torch.equal(one, third)
    assert (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == before


def test_crop_and_flip_gives_shifted_or_mirrored_pictures():
    images = torch.arange(2 * 3 * 8 * 8, dtype=torch.uint8).reshape(2, 3, 8, 8)
    padded = torch.nn.functional.pad(images, (4, 4, 4, 4))
    allowed = [
        {
            view.numpy().tobytes()
            for y in range(9)
            for x in range(9)
            for view in views(padded[n, :, y : y + 8, x : x + 8])
        }
        for n in range(2)
    ]
    seen = set()
    for seed in range(30):
        for number, image in enumerate(crop_and_flip(images, torch.Generator().manual_seed(seed))):
            assert image.numpy().tobytes() in allowed[number]
            seen.add(image.numpy().tobytes())
    assert len(seen) > 40


def views(image):
    return image.contiguous(), image.flip(2).contiguous()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("cifar10", "CIFAR-10 is not in '.*cifar-10-python.tar.gz of https://www.cs.toronto.edu.*--data DIR"),
        ("cifar100", "CIFAR-100 is not in .*'cifar-100-python/train'"),
        ("eurosat", "EuroSAT is not in .*EuroSAT.zip of https://github.com/phelber/EuroSAT"),
        ("imagenet", "ImageNet-1K is not in .*'imagenet/train/<wnid>/"),
    ],
)
def test_a_missing_data_set_says_what_to_put_where(tmp_path, monkeypatch, data, message):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(ActsearchError, match=message) as caught:
        VisionTask(NAMES[data]).data("train")
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("data", "gone"),
    [
        ("cifar10", "cifar-10-batches-py/data_batch_3"),
        ("eurosat", "eurosat/2750/*/*"),
        ("imagenet", "imagenet/val/*/*"),
    ],
)
def test_an_incomplete_data_set_says_what_is_not_there(tmp_path, data, gone):
    getattr(made, data)(tmp_path)
    for path in tmp_path.glob(gone):
        path.unlink()
    with pytest.raises(ActsearchError, match="incomplete: there is no"):
        VisionTask(NAMES[data], tmp_path).data("train")


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (made.pickled({b"data": Evil(), b"labels": [1]}), r"it holds a posix\.mkdir"),
        (made.pickled({b"data": np.zeros((2, 5), np.uint8), b"labels": [0, 1]}), r"images are uint8 \(2, 5\)"),
        (made.pickled(made.batch(2, b"labels", 10, 0) | {b"labels": [3, 10]}), "is not a batch of CIFAR"),
        (made.pickled(made.batch(2, b"fine_labels", 10, 0)), "is not a batch of CIFAR"),
        (b"not a pickle", "unpack it anew"),
    ],
    ids=["code", "shape", "class", "key", "garbage"],
)
def test_a_batch_file_is_read_as_arrays_or_refused(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    made.cifar10(tmp_path)
    (tmp_path / "cifar-10-batches-py" / "data_batch_2").write_bytes(content)
    with pytest.raises(ActsearchError, match=message):
        VisionTask(NAMES["cifar10"], tmp_path).data("train")
    assert not (tmp_path / "evil").exists()


def test_too_few_images_to_split_are_refused(tmp_path):
    made.imagenet(tmp_path, 2)
    with pytest.raises(ActsearchError, match="4 images are too few to be split"):
        VisionTask(NAMES["imagenet"], tmp_path).data("train")


def test_a_package_that_is_not_there_says_what_to_install(root):
    with pytest.raises(ActsearchError, match=r"needs no_such_package.*pip install 'actsearch\[vision\]'"):
        optional.vision_extra("no_such_package.sub")


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ActsearchError, match="did you mean 'cifar10-vit-tiny'"):
        VisionTask("cifar10-vit-tinny")
