from __future__ import annotations

import math
import threading

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, gelu

from evaluators import Classification, Data, Recipe, swap
from evaluators.tasks.check import check_task, metric_names
from evaluators.tasks.networks import mlp
from primitives import ActsearchError


class Blobs(Classification):
    """Two blobs; a test spoils one method of it."""

    name, recipe = "blobs", Recipe(steps=5)

    def data(self, part):
        return Data(torch.randn(20, 3, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 2)

    def network(self, activation, gain):
        return mlp([3, 8, 2], activation, gain)


def spoiled(**methods):
    return type("Spoiled", (Blobs,), methods)()


def raises(error):
    def method(*_):
        raise error

    return method


def unused(self, activation, gain):
    activation()
    return mlp([3, 8, 2], nn.ReLU, gain)


ROWS, LABELS = torch.randn(20, 3, generator=torch.Generator().manual_seed(1)), torch.arange(20) % 2


def with_a_hole(where, row):
    values = {"inputs": ROWS.clone(), "targets": torch.linspace(0, 1, 20)}
    values[where][row] = torch.nan
    return Data(**values)


def answering(answer):
    class Net(nn.Module):
        def __init__(self, body):
            super().__init__()
            self.body = body

        def forward(self, x):
            return answer(self.body(x))

    return lambda _, activation, gain: Net(mlp([3, 8, 2], activation, gain))


FAULTS = [
    ({"name": None}, "name is missing"),
    ({"recipe": None}, "recipe is missing"),
    ({"data": raises(FileNotFoundError("x.csv"))}, r'data\("train"\) raises FileNotFoundError: x.csv'),
    ({"data": raises(ActsearchError("put x.csv there"))}, "^put x.csv there$"),
    ({"data": lambda *_: (1, 2)}, r'data\("train"\) must return Data\(inputs, targets\), not a tuple'),
    ({"data": lambda *_: Data([1.0], torch.ones(1))}, r"must hold dense tensors, .*its inputs is a list"),
    ({"data": lambda *_: Data(torch.tensor(1.0), LABELS)}, "one row an example; its inputs is a single number"),
    ({"data": lambda *_: Data(ROWS.to_sparse(), LABELS)}, r"its inputs is sparse \(sparse_coo\); call its to_dense"),
    ({"data": raises(SystemExit(3))}, r'data\("train"\) raises SystemExit: 3'),
    ({"recipe": Recipe(steps=4, precision="fp8")}, "recipe.precision cannot be 'fp8'; it is one of float32, float64"),
    ({"recipe": Recipe(steps=4, optimiser="adam")}, "recipe.optimiser cannot be 'adam'; it is one of adamw, sgd"),
    ({"recipe": Recipe(steps=0)}, "recipe.steps cannot be 0"),
    ({"recipe": Recipe(steps=4, learning_rate=-1.0)}, "recipe.learning_rate cannot be -1.0"),
    ({"name": property(lambda _: "blobs")}, "its name cannot be set"),
    ({"loss": lambda _, o, t: (o - o).sum() / 0}, r"loss\(outputs, targets\) is nan for a fresh network"),
    ({"error": lambda _, o, t: (o - o).sum(1) / 0}, r"error\(outputs, targets\) is nan for a fresh network"),
    ({"metrics": lambda *_: 0.3}, r"metrics\(outputs, targets\) must return a dictionary .* not a float"),
    ({"metrics": lambda *_: {"f1": math.nan}}, r"says f1 = nan for a fresh network; return a finite float"),
    ({"metrics": lambda *_: {"f1": torch.ones(())}}, r"says f1 = tensor\(1.\).* as by float\(tensor\)"),
    ({"metrics": lambda *_: {"cost": 1.0}}, "has the name 'cost', which is taken"),
    ({"metrics": lambda *_: {"my score": 1.0}}, "has the name 'my score', which is taken, or is not made of letters"),
    ({"metrics": raises(ValueError("odd"))}, r"metrics\(outputs, targets\) given .* raises ValueError: odd"),
    ({"score": "f1"}, "its score cannot be 'f1'; it is one of error, loss, calibrated_loss, brier"),
    ({"score": 3}, "its score cannot be 3"),
    ({"score": "F1", "metrics": lambda *_: {"F1": 0.5}}, "its score cannot be 'F1'; it is a name of small letters"),
    ({"data": lambda *_: Data(torch.ones(5, 3), torch.ones(4))}, r"inputs \(5, 3\) and targets \(4,\)"),
    ({"data": lambda *_: with_a_hole("inputs", 17)}, r"inputs of train are not finite in row 17 \(float32\)"),
    ({"data": lambda *_: with_a_hole("targets", 19)}, r"targets of train are not finite in row 19"),
    ({"data": lambda *_: Data(1e300 * torch.ones(5, 3).double(), torch.ones(5))}, r"inputs of train are not finite"),
    (
        {"batch": lambda self, data, rows, generator: (data.inputs[rows] / (rows != 12)[:, None], data.targets[rows])},
        "inputs of train are not finite in row 12",
    ),
    (
        {"data": lambda *_: Data(ROWS, torch.arange(20) // 19 * 7)},
        "targets of train hold the class 7, .* the classes 0 to 1",
    ),
    ({"data": lambda _, part: Data(ROWS, LABELS - int(part == "test"))}, "targets of test hold the class -1"),
    ({"data": lambda *_: Data(ROWS, LABELS + 1)}, "class 2, but the network has 2 outputs.*number the classes from 0"),
    (
        {"network": answering(lambda logits: {"logits": logits})},
        r"returns a dict with 'logits'; return .*outputs\['logits'\]",
    ),
    (
        {"network": answering(lambda logits: (logits, None))},
        r"returns a tuple; return one of its tensors, as in outputs\[0\]",
    ),
    ({"batch": lambda self, data, rows, generator: data.inputs}, r"batch\(data, rows, generator\) must return"),
    (
        {"batch": lambda self, data, rows, generator: (data.inputs, data.targets)},
        r"given 1 rows returns inputs \(20, 3",
    ),
    ({"network": lambda *_: mlp([3, 8, 2], nn.ReLU, 1.0)}, r"network\(activation, gain\) never calls activation\(\)"),
    ({"network": unused}, r"no activation\(\) that network\(activation, gain\) made is used"),
    ({"network": lambda *_: "net"}, r"must return an nn.Module, not a str"),
    ({"network": raises(ValueError("odd width"))}, r"network\(activation, gain\) raises ValueError: odd width"),
    ({"network": lambda _, a, g: mlp([4, 8, 2], a, g)}, r"the network given \(4, 3\) raises RuntimeError: mat1"),
    ({"network": lambda _, a, g: mlp([3, 8, 1], a, g)}, r"the class 1, but the network has 1 outputs"),
    (
        {"loss": lambda _, o, t: nn.functional.nll_loss(o.double(), t.float())},
        r"loss\(outputs, targets\) given \(4, 2\), \(4,\) raises",
    ),
    (
        {"loss": lambda _, o, t: cross_entropy(o, t, reduction="none")},
        r"must return a scalar.*not \(4,\).*outputs \(4, 2\)",
    ),
    ({"loss": lambda *_: 1.0}, "loss.* must return a tensor, not a float"),
    ({"loss": lambda *_: torch.ones(())}, "has no gradient"),
    ({"error": lambda _, o, t: (o.argmax(1) != t).float().mean()}, r"error.* shape \(4,\), not \(\)"),
    ({"error": lambda _, o, t: o}, r"error.* shape \(4,\), not \(4, 2\)"),
]


def test_a_right_task_passes_and_the_global_generator_stays():
    before = torch.get_rng_state()
    check_task(Blobs())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(("methods", "message"), FAULTS, ids=[message for _, message in FAULTS])
def test_a_fault_is_told_with_method_and_shape(methods, message):
    with pytest.raises(ActsearchError, match=message):
        check_task(spoiled(**methods))


def regression(loss, error, targets=torch.linspace(-1, 1, 20)):  # noqa: B008 - never changed
    methods = {
        "data": lambda *_: Data(ROWS, targets),
        "network": lambda _, a, g: mlp([3, 8, 1], a, g),
        "loss": lambda _, o, t: loss(o, t),
        "error": lambda _, o, t: error(o, t),
    }
    return spoiled(**methods)


def squared(outputs, targets):
    return (outputs - targets).square()


RIGHT = lambda o, t: squared(o[:, 0], t)  # noqa: E731


@pytest.mark.parametrize(
    ("loss", "error", "method"),
    [
        (nn.functional.mse_loss, RIGHT, "loss"),  # torch warns
        (nn.functional.l1_loss, RIGHT, "loss"),
        (nn.functional.huber_loss, RIGHT, "loss"),
        (lambda o, t: squared(o, t).mean(), RIGHT, "loss"),  # nobody warns
        (lambda o, t: (o - t).abs().mean(), RIGHT, "loss"),
        (lambda o, t: RIGHT(o, t).mean(), lambda o, t: squared(o, t).mean(1), "error"),
        (lambda o, t: RIGHT(o, t).mean(), lambda o, t: squared(o, t).mean(0), "error"),
        (lambda o, t: squared(o, t).mean(1).mean(), RIGHT, "loss"),
        (lambda o, t: squared(o, t).mean().sqrt(), RIGHT, "loss"),
        (lambda o, t: (torch.log1p(-o.sigmoid()) * (t - 1) - o.sigmoid().log() * t).mean(), RIGHT, "loss"),
    ],
)
def test_every_output_is_compared_with_its_own_target_alone(loss, error, method):
    with pytest.raises(
        ActsearchError, match=rf"{method}\(outputs, targets\) compares every output .*\(\d, 1\).*\(\d,\)"
    ):
        check_task(regression(loss, error))


@pytest.mark.parametrize(
    "task",
    [
        regression(lambda o, t: RIGHT(o, t).mean(), RIGHT),
        regression(lambda o, t: (o.mean() - t.mean()).square() + (o.std() - t.std()).square(), RIGHT),  # of moments
        regression(lambda o, t: squared(o[:, 0].sort()[0], t.sort()[0]).mean(), RIGHT),  # of a distribution
        regression(lambda o, t: RIGHT(o, t).abs().mean(), RIGHT, 1e6 + torch.linspace(0, 1, 20)),
        regression(
            lambda o, t: squared(o, t).mean(), lambda o, t: squared(o, t).mean(1), torch.linspace(0, 1, 20)[:, None]
        ),
        regression(lambda o, t: nn.functional.binary_cross_entropy_with_logits(o[:, 0], t.float()), RIGHT, LABELS),
        regression(lambda o, t: o.square().mean(), lambda o, t: o[:, 0] ** 2),  # the targets do not count
        regression(lambda o, t: squared(o, t).mean(), lambda o, t: squared(o, t).mean(1), torch.ones(20)[:, None]),
    ],
    ids=["slice", "moments", "distribution", "far away", "column", "labels", "no targets", "constant"],
)
def test_a_task_that_pairs_them_rightly_passes(task):
    check_task(task)


def test_raw_holes_that_batch_fills_are_no_fault():
    fill = lambda self, data, rows, generator: (data.inputs[rows].nan_to_num(), data.targets[rows])  # noqa: E731
    hole = with_a_hole("inputs", 3)
    check_task(spoiled(data=lambda *_: Data(hole.inputs, LABELS), batch=fill))


def test_double_data_are_what_numpy_hands_over():
    check_task(spoiled(data=lambda *_: Data(ROWS.double(), LABELS)))


@pytest.mark.parametrize("targets", [LABELS.bool(), LABELS.byte()], ids=["bool", "byte"])
def test_labels_may_be_of_any_type_that_the_loss_takes(targets):
    loss = lambda _, o, t: cross_entropy(o, t.long())  # noqa: E731
    check_task(spoiled(data=lambda *_: Data(ROWS, targets), loss=loss))
    check_task(spoiled(data=lambda *_: Data(targets[:, None].repeat(1, 3), LABELS), batch=as_floats))


def as_floats(self, data, rows, generator):
    return data.inputs[rows].float(), data.targets[rows]


def test_for_ray_a_task_must_come_through_to_another_process():
    task = Blobs()
    check_task(task, "ray")
    task.lock = threading.Lock()
    check_task(task, "serial")
    with pytest.raises(ActsearchError, match=r"its attribute 'lock' of type lock \(TypeError.*--executor serial"):
        check_task(task, "ray")


def test_pairs_are_noticed_where_targets_are_far_from_first_answers():
    for loss in (lambda o, t: squared(o, t).mean(), lambda o, t: (o - t).abs().mean()):
        with pytest.raises(ActsearchError, match="compares every output"):
            check_task(regression(loss, RIGHT, targets=150 + 75 * torch.linspace(-1, 1, 20)))


@pytest.mark.parametrize("shape", [(5,), (6,), (6, 6)])
def test_outputs_with_a_channel_more_than_targets_are_right_where_the_loss_takes_it_away(shape):
    count = math.prod(shape)

    def network(_, activation, gain):
        return nn.Sequential(mlp([3, 8, count], activation, gain), nn.Unflatten(1, (1, *shape)))

    methods = {"data": lambda *_: Data(ROWS, torch.randn(20, *shape, generator=torch.Generator().manual_seed(1)))}
    methods |= {"network": network, "loss": lambda _, o, t: squared(o[:, 0], t).mean()}
    check_task(spoiled(**methods, error=lambda _, o, t: squared(o[:, 0], t).flatten(1).mean(1)))


def test_whole_numbers_of_any_kind_may_be_inputs():
    methods = {"data": lambda *_: Data((ROWS * 100).abs().to(torch.uint16), LABELS)}
    methods["batch"] = lambda self, data, rows, generator: (data.inputs[rows].float(), data.targets[rows])
    check_task(spoiled(**methods))


def test_pairs_are_noticed_where_first_targets_or_first_answers_are_all_alike():
    late = torch.cat([torch.zeros(10), torch.linspace(-1, 1, 10)])
    wrong = (lambda o, t: squared(o, t).mean(), RIGHT)
    with pytest.raises(ActsearchError, match="compares every output"):
        check_task(regression(*wrong, targets=late))

    def silent(_, activation, gain):
        network = mlp([3, 8, 1], activation, gain)
        nn.init.zeros_(network[-1].weight)
        return network

    task = regression(*wrong)
    type(task).network = silent
    with pytest.raises(ActsearchError, match="compares every output"):
        check_task(task)


class Halfway(nn.Module):
    """A network with an activation in a call and one that nothing calls."""

    def __init__(self):
        super().__init__()
        self.body, self.unused = nn.Sequential(nn.Linear(3, 2), nn.GELU()), nn.GELU()

    def forward(self, x):
        return gelu(self.body(x))


def test_what_a_swap_did_not_reach_is_told():
    class Swapping(Classification):
        name, recipe = "swapping", Recipe(steps=4, batch_size=4)

        def data(self, part):
            return Data(torch.randn(20, 3, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 2)

        def network(self, activation, gain):
            inner = Halfway()
            swap(inner, nn.GELU, activation, functional=False)
            return nn.Sequential(inner)

    lines = check_task(Swapping())
    assert sorted(line.split(":")[0] for line in lines) == ["0", "0.unused"]
    assert "0.unused: the new activation never ran" in lines


def test_a_metric_of_a_whole_part_is_tried_on_rows_of_all_kinds_of_it():
    class Sorted(Blobs):
        score = "one_class"

        def data(self, part):
            return Data(super().data(part).inputs, torch.arange(20) // 10)

        def metrics(self, outputs, targets):
            if len(targets.unique()) < 2:
                raise ValueError("only one class present")
            return {"one_class": 0.5}

    check_task(Sorted())
    assert metric_names(Sorted()) == ("one_class",)
