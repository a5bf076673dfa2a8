"""What a swap leaves and tells: parts of larger activations, backwards of their own, places out of reach."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from evaluators import swap
from primitives import ActsearchError


class Squared(nn.Module):
    def forward(self, x):
        return torch.relu(x).square()


class Star(nn.Module):
    def __init__(self):
        super().__init__()
        self.relu, self.scale = nn.ReLU(inplace=True), nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.scale * self.relu(x) ** 2


class Inline(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.rate = nn.Linear(3, 3), nn.Parameter(torch.zeros(3))

    def forward(self, x):
        h = self.up(x)
        return F.relu(h) ** 2 + F.softplus(self.rate) + h * torch.sigmoid(1.7 * h) + F.relu(h).pow(2) + F.relu(h)


class Parts(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.act, self.six = nn.Linear(3, 3), nn.ReLU(), nn.ReLU6()

    def squared_child(self, h):
        return self.act(h) ** 2

    def squared_later(self, h):
        r = F.relu(h)
        return r * r

    def squared_product(self, h):
        return F.relu(h) * F.relu(h)

    def hard_swish(self, h):
        return h * F.relu6(h + 3.0) / 6.0

    def mish(self, h):
        return h * torch.tanh(F.softplus(h))

    def gelu(self, h):
        return 0.5 * h * (1 + torch.tanh(0.7978 * (h + 0.044715 * h**3)))

    def silu(self, h):
        return torch.mul(h, torch.sigmoid(h)) + h.mul(h.sigmoid())

    def plain(self, h):
        r = F.relu(h)
        r = self.up(r)
        return r * r + F.relu(h) ** 1

    def forward(self, x):
        return self.up(x)


def test_a_larger_activation_that_is_written_out_is_told_in_whatever_shape():
    network = Parts()
    done = swap(network, (nn.ReLU, nn.ReLU6, nn.Tanh, nn.Sigmoid, nn.Softplus), nn.SELU)
    assert sorted(place.was for place in done.places) == ["ReLU6", "relu", "relu", "softplus"]
    told = ["ReLU", "Tensor.sigmoid", "relu", "relu", "relu6", "sigmoid", "tanh", "tanh"]
    assert sorted(left.was for left in done.left) == told
    assert all("power" in left.why or "own input" in left.why for left in done.left)


def test_layers_that_are_no_activation_and_places_that_cannot_be_asked_are_refused():
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    with pytest.raises(ActsearchError, match="no activation but torch's layer Linear"):
        swap(network, (nn.ReLU, nn.Linear), nn.Tanh)
    with pytest.raises(ActsearchError, match="where raises ZeroDivisionError"):
        swap(network, nn.ReLU, nn.Tanh, where=lambda place: 1 / 0)
    with pytest.raises(ActsearchError, match="where must be names"):
        swap(network, nn.ReLU, nn.Tanh, where=(name for name in ("1",)))
    done = swap(network, nn.ReLU, nn.Tanh)
    with pytest.raises(ActsearchError, match="through must be"):
        done.check(torch.ones(1, 2), through=nn.Linear(2, 2))


@pytest.mark.parametrize(
    ("module", "kind", "old"),
    [
        ("timm.models.nfnet", "GammaAct", nn.ReLU),
        ("timm.models.metaformer", "StarReLU", nn.ReLU),
        ("timm.layers.activations", "QuickGELU", nn.Sigmoid),
        ("transformers.activations", "ReLUSquaredActivation", nn.ReLU),
        ("transformers.activations", "QuickGELUActivation", nn.Sigmoid),
        ("transformers.activations", "XIELUActivation", nn.Softplus),
        ("transformers.models.bloom.modeling_bloom", "BloomGelu", nn.Tanh),
    ],
)
def test_the_larger_activations_of_libraries_are_offered_by_name(module, kind, old):
    larger = getattr(pytest.importorskip(module), kind)
    network = nn.Sequential(nn.Linear(2, 2), larger(), old())
    assert [(left.module, f"swap(network, {kind}" in left.why) for left in swap(network, old, nn.SELU).left][:1] in (
        [("1", True)],
        [],  # written out by hand
    )
    assert swap(network, larger, nn.SELU).modules == ("1",)
    assert type(network[1]) is type(network[2]) is nn.SELU


def test_a_part_of_a_larger_activation_stays_and_the_larger_one_is_offered_whole():
    network = nn.Sequential(nn.Linear(3, 3), Squared(), Star(), Inline(), nn.ReLU())
    done = swap(network, (nn.ReLU, nn.Softplus, nn.Sigmoid), nn.Tanh)
    assert [place.name for place in done.places] == ["3.activation_5", "4"]
    told = {(left.module, left.was): left.why for left in done.left}
    assert "swap(network, Squared" in told["1", "relu"]
    assert "swap(network, Star" in told["2", "ReLU"]
    assert "own weights" in told["3", "softplus"]
    assert "its own input" in told["3", "sigmoid"]
    checked = done.check(torch.randn(2, 3))
    assert {one.module for one in checked.running} == {"1", "2.relu", "3"}
    assert len(checked.larger) == 2
    assert swap(network, (Squared, Star), nn.ELU).modules == ("1", "2")
    assert swap(network, nn.ReLU, nn.ELU, where="3.activation_1").calls == (("3.activation_1", "relu"),)


class Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return F.relu(x).round()

    @staticmethod
    def backward(ctx, grad):
        return grad


class Rounded(nn.Module):
    def forward(self, x):
        return Straight.apply(x)


def test_a_function_with_a_backward_of_its_own_is_left_and_told():
    done = swap(nn.Sequential(Rounded(), nn.ReLU()), nn.ReLU, nn.Tanh)
    assert [(left.module, left.was) for left in done.left] == [("0", "ReLU")]
    assert "Straight has a backward of its own" in done.left[0].why


def test_a_function_without_source_is_told():
    space = {"nn": nn, "F": F}
    exec("class Unknown(nn.Module):\n  def forward(self, x): return F.relu(x)", space)
    done = swap(nn.Sequential(space["Unknown"](), nn.ReLU()), nn.ReLU, nn.Tanh)
    assert [(left.module, left.was, left.why) for left in done.left] == [("0", "ReLU", "its source is not at hand")]
    assert [one.module for one in done.check(torch.ones(2)).running] == ["0"]


class Holder:
    def __init__(self, act):
        self.act = act

    def computed(self, x):
        return F.relu(x)


class Odd(nn.Module):
    """Holds an activation where no swap reaches."""

    def __init__(self, **held):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        vars(self).update(held)

    def forward(self, x):
        return self.layer(x)


class OfClass(Odd):
    @classmethod
    def squashed(cls, x):
        return F.relu(x)


class Cached(Odd):
    @functools.lru_cache  # noqa: B019
    def squashed(self, x):
        return F.relu(x)


class Partly(Odd):
    def squashed(self, x, by):
        return F.relu(x) / by

    halved = functools.partialmethod(squashed, by=2)


class Comparing(Odd):
    def forward(self, x):
        return self.layer(x) if self.act is F.relu else {F.relu: x}[self.act]


class Shadowed(Odd):
    def forward(self, x):
        def inner(self, v):
            return F.relu(v) + self

        return inner(1.0, self.layer(x))


class Another(Odd):
    def squashed(self, x):
        return F.relu(x)

    def forward(self, x):
        return Another.squashed(self.layer, self.layer(x))


class Asked(Odd):
    def forward(self, x):
        act = self.layer(x).relu
        return act() + getattr(x, "relu")()  # noqa: B009


@pytest.mark.parametrize(
    "odd",
    [
        *(Odd(acts=(F.relu, nn.Tanh())), Odd(acts={F.relu}), Odd(holder=Holder(F.relu)), Odd(holder=Holder(None))),
        *(Odd(part=functools.partial(map, F.relu)), OfClass(), Cached(), Partly(), Comparing(act=F.relu)),
        *(Shadowed(), Asked(), Another()),
    ],
    ids=lambda odd: type(odd).__name__,
)
def test_an_activation_where_no_swap_reaches_is_named(odd):
    network = nn.Sequential(odd, nn.ReLU())
    x = torch.ones(3, 2)
    expected = network(x)
    done = swap(network, nn.ReLU, nn.ReLU)
    assert done.left
    assert {left.module.split(".")[0] for left in done.left} == {"0"}
    assert all("relu" in left.was.lower() for left in done.left)
    assert torch.equal(network(x), expected)
