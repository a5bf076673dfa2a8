from __future__ import annotations

import dataclasses
import pickle

import pytest
import torch

from evaluators import Job
from evaluators.tasks.check import check_task
from evaluators.tasks.vision.task import VisionTask
from evaluators.training.cohort.trainer import run_job
from evaluators.training.pieces import pick_device
from tests.evaluators.tasks.vision import made

pytest.importorskip("timm")
pytest.importorskip("torchvision")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    made.cifar10(folder, 2), made.cifar100(folder, 10), made.eurosat(folder), made.imagenet(folder, 2, 13)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "cifar10-vit-tiny",
        "cifar10-deit-tiny-controlled",
        "cifar10-convnext-tiny-300",
        "cifar100-resnet56-v1",
        "cifar100-resnet56-v2",
        "cifar100-wrn-10-4",
        "cifar100-all-cnn-c",
        "eurosat-deit-tiny",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("cifar10-tnt-small", "imagenet-vit-tiny-controlled")),
    ],
)
def test_every_network_trains_on_files_of_the_genuine_format_and_is_scored(root, name):
    task = VisionTask(name, root)
    if name.startswith("imagenet"):  # a thousand classes of images are too many to score in a test
        few = dataclasses.replace(task._description.dataset, classes=2)
        task._description = dataclasses.replace(task._description, dataset=few)
    task = pickle.loads(pickle.dumps(task))
    task.recipe = dataclasses.replace(task.recipe, batch_size=2)
    job = Job(1, "max(x,0) + epsilon*x*exp(-x**2/2); epsilon=0.01", 1.4, name, 1, (0,), score_test=True)
    (evaluation,) = run_job(job, task, pick_device("cpu"))
    assert evaluation.status == "ok", evaluation.reason
    assert 0 <= evaluation.error <= 1
    assert 0 <= evaluation.test_error <= 1


def test_training_is_deterministic_and_leaves_the_global_generator_alone(root):
    task, before = VisionTask("cifar10-wrn-10-4", root), torch.get_rng_state()
    first, second = (run_job(Job(1, "relu(x)", 1.4, "t", 2, (3,)), task, pick_device("cpu"))[0] for _ in range(2))
    assert (first.error, first.loss, first.curve) == (second.error, second.loss, second.curve)
    assert torch.equal(before, torch.get_rng_state())


def test_the_tasks_pass_the_check_that_a_users_own_must_pass(root):
    check_task(VisionTask("cifar10-all-cnn-c", root))
    check_task(VisionTask("eurosat-vit-tiny-controlled", root))
