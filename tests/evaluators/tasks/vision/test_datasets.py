from __future__ import annotations

import dataclasses
import os
import random
import shutil

import numpy as np
import pytest
import torch

from evaluators.tasks.folder import VARIABLE
from evaluators.tasks.vision import extra as optional
from evaluators.tasks.vision.augment import crop_and_flip
from evaluators.tasks.vision.datasets import EUROSAT, IMAGENET
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
        ("imagenet", (960, 40, 1000), 224),
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
    assert task.data("test").targets.tolist() == list(range(1000))
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
    [("cifar10", "cifar-10-batches-py/data_batch_3"), ("imagenet", "imagenet/val")],
)
def test_an_incomplete_data_set_says_what_is_not_there(tmp_path, data, gone):
    getattr(made, data)(tmp_path)
    (tmp_path / gone).rename(tmp_path / "gone")
    with pytest.raises(ActsearchError, match=f"incomplete: there is no '.*{gone}'"):
        VisionTask(NAMES[data], tmp_path).data("train")


FEW = dataclasses.replace(IMAGENET, classes=4)
"""ImageNet with four classes, so that its folders are made at once."""


def a_few(root, count=30):
    made.imagenet(root, 4, count)
    return root / "imagenet"


def test_the_classes_of_val_are_numbered_by_train_whatever_else_lies_there(tmp_path):
    folder = a_few(tmp_path)
    for half in ("train", "val"):
        for hidden in (".ipynb_checkpoints", ".cache"):
            (folder / half / hidden).mkdir()
            made.jpeg(folder / half / hidden / "image.JPEG", (8, 8), 0)
        (folder / half / ".DS_Store").write_bytes(b"junk")
        (folder / half / made.wnid(2) / "._image.JPEG").write_bytes(b"junk")
        (folder / half / made.wnid(2) / "notes.txt").write_text("no image")
    parts = FEW.parts(tmp_path)
    assert parts["test"].targets.tolist() == [0, 1, 2, 3]
    for part in PARTS:
        targets = parts[part].targets
        files = files_of(FEW, tmp_path, parts[part].inputs)
        assert [made.wnid(number) for number in targets.tolist()] == [file.parent.name for file in files]


def files_of(dataset, root, inputs):
    """Return the files that the pictures of some inputs are opened from."""
    from evaluators.tasks.vision import datasets

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "opened", list)
        return dataset.pictures(root, inputs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda f: shutil.rmtree(f / "val" / made.wnid(1)),
            "but '.*val' has 3 folders, without 'n00000001'",
        ),
        (lambda f: (f / "val" / "n9").mkdir(), "val' has 5 folders, with 'n9', which is no class of it"),
        (lambda f: (f / "train" / "n9").mkdir(), "4 classes, but '.*train' has 5 folders where one a class belongs"),
        (lambda f: shutil.rmtree(f / "train" / made.wnid(0)), "4 classes, but '.*train' has 3 folders"),
        (lambda f: (f / "val" / made.wnid(3)).rename(f / "val" / "n9"), "without 'n00000003' and with 'n9'"),
        (lambda f: [p.unlink() for p in (f / "val" / made.wnid(3)).iterdir()], "val/n00000003' of .* holds no image"),
        (lambda f: [p.unlink() for p in (f / "train" / made.wnid(3)).iterdir()], "train/n00000003' .* holds no image"),
    ],
    ids=["val lacks", "val has more", "train has more", "train lacks", "another", "empty in val", "empty in train"],
)
def test_folders_that_are_not_the_classes_are_refused_by_name_and_never_renumbered(tmp_path, change, message):
    change(a_few(tmp_path))
    with pytest.raises(ActsearchError, match=message) as caught:
        FEW.parts(tmp_path)
    assert "image-net.org" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: shutil.rmtree(f / "Forest"), "10 classes, but '.*2750' has 9 folders, without 'Forest'"),
        (
            lambda f: [shutil.rmtree(f / name) for name in EUROSAT.names[3:]],
            "has 3 folders, without 'Highway', 'Industrial', 'Pasture', 'PermanentCrop', 'Residential' and 2 more",
        ),
        (lambda f: (f / "Forrest").mkdir(), "has 11 folders, with 'Forrest', which is no class of it"),
        (lambda f: (f / "__MACOSX").mkdir(), "has 11 folders, with '__MACOSX'"),
        (lambda f: [p.unlink() for p in (f / "River").iterdir()], "2750/River' of EuroSAT holds no image"),
        (lambda f: (shutil.rmtree(f / "Forest"), (f / ".hidden").mkdir()), "has 9 folders, without 'Forest'"),
        (lambda f: cut(f / "River/River_1.jpg", 900), "River_1.jpg' cannot be read: image file is truncated"),
        (lambda f: cut(f / "River/River_1.jpg", 0), "River_1.jpg' cannot be read: it is no image"),
        (lambda f: (f / "River/River_1.jpg").write_text("x"), "River_1.jpg' cannot be read: it is no image"),
        (lambda f: dangling(f / "River/River_1.jpg"), "River_1.jpg' cannot be read: No such file"),
        (lambda f: made.jpeg(f / "River/River_1.jpg", (32, 64), 0), "River_1.jpg' is 64x32 pixels where 64x64 belong"),
    ],
    ids=["one", "seven", "misspelt", "foreign", "empty", "hidden", "cut", "void", "text", "dangling", "size"],
)
def test_what_is_wrong_with_eurosats_folders_is_named_in_one_sentence(tmp_path, change, message):
    made.eurosat(tmp_path)
    change(tmp_path / "eurosat" / "2750")
    with pytest.raises(ActsearchError, match=message) as caught:
        VisionTask(NAMES["eurosat"], tmp_path).data("train")
    assert "\n" not in str(caught.value)


def cut(file, size):
    file.write_bytes(file.read_bytes()[:size])


def dangling(file):
    file.unlink()
    file.symlink_to("nowhere.jpg")


def test_hidden_files_and_folders_change_nothing(tmp_path):
    made.eurosat(tmp_path / "one"), made.eurosat(tmp_path / "other")
    folder = tmp_path / "other" / "eurosat" / "2750"
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".DS_Store").write_bytes(b"junk")
    (folder / "River" / "._River_1.jpg").write_bytes(b"junk")
    (folder / "River" / ".ipynb_checkpoints").mkdir()
    one, other = (VisionTask(NAMES["eurosat"], tmp_path / name) for name in ("one", "other"))
    for part in PARTS:
        assert torch.equal(one.data(part).inputs, other.data(part).inputs)
        assert torch.equal(one.data(part).targets, other.data(part).targets)


def test_a_broken_image_of_imagenet_is_named_when_a_batch_needs_it(tmp_path):
    folder = a_few(tmp_path)
    broken = folder / "val" / made.wnid(2) / f"{made.wnid(2)}_0.JPEG"
    broken.write_bytes(broken.read_bytes()[:900])
    inputs = FEW.parts(tmp_path)["test"].inputs
    assert len(FEW.pictures(tmp_path, inputs[[0, 1, 3]])) == 3
    with pytest.raises(ActsearchError, match=f"the image '{broken}' cannot be read: image file is truncated"):
        FEW.pictures(tmp_path, inputs)


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
        (made.pickled(made.batch(2, b"labels", 10, 0) | {b"labels": [[3], [9]]}), "is not a batch of CIFAR"),
        (made.pickled(made.batch(2, b"labels", 10, 0) | {b"labels": 3}), "is not a batch of CIFAR"),
        (made.pickled(made.batch(0, b"labels", 10, 0)), "is not a batch of CIFAR"),
        (b"not a pickle", "unpack it anew"),
    ],
    ids=["code", "shape", "class", "key", "column", "one class", "nothing", "garbage"],
)
def test_a_batch_file_is_read_as_arrays_or_refused(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    made.cifar10(tmp_path)
    (tmp_path / "cifar-10-batches-py" / "data_batch_2").write_bytes(content)
    with pytest.raises(ActsearchError, match=message):
        VisionTask(NAMES["cifar10"], tmp_path).data("train")
    assert not (tmp_path / "evil").exists()


def test_too_few_images_to_split_are_refused(tmp_path):
    a_few(tmp_path, 1)
    with pytest.raises(ActsearchError, match="4 images are too few to be split"):
        FEW.parts(tmp_path)


def test_a_package_that_is_not_there_says_what_to_install(root):
    with pytest.raises(ActsearchError, match=r"needs no_such_package.*pip install 'actsearch\[vision\]'"):
        optional.vision_extra("no_such_package.sub")


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ActsearchError, match="did you mean 'cifar10-vit-tiny'"):
        VisionTask("cifar10-vit-tinny")
