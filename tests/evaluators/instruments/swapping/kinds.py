"""Small networks, one for each way in which an activation is called and each thing that a swap must not change."""

from __future__ import annotations

import functools
import random
from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.nn import functional as fn
from torch.nn.functional import relu as rectified
from torch.utils.checkpoint import checkpoint

TABLE = {"relu": F.relu, "gelu": F.gelu}
CLASSES = OrderedDict(relu=nn.ReLU, gelu=(nn.GELU, {"approximate": "tanh"}))
SHARED = nn.ReLU()


def helper(x, scale=1.0):
    return scale * inner(x)


def inner(x):
    return F.relu(x)


def recursive(x, times):
    return F.relu(x) if times == 0 else recursive(x - 0.1, times - 1) * 2


def unrelated(x):
    return x if x.dim() else unrelated(torch.tanh(x)[None])


@torch.no_grad()
def without_gradients(x):
    return rectified(x)


def doubled(function):
    @functools.wraps(function)
    def wrapper(self, x):
        return function(self, F.relu(x)) * 2

    return wrapper


class Kind(nn.Module):
    """A linear layer, its place and a linear layer."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 6), nn.Linear(6, 4)

    def forward(self, x):
        return self.last(self.middle(self.first(x)))

    def middle(self, h):
        return F.relu(h)


class Imported(Kind):
    def middle(self, h):
        return rectified(h)


class Renamed(Kind):
    def middle(self, h):
        return fn.relu(torch.nn.functional.relu(h) - torch.relu(h - 1))


class Method(Kind):
    def middle(self, h):
        return (
            (h - h.relu()).relu()
            + (h * 2).relu_()
            + (
                h  # a comment with . and ,
                + 1
            ).relu()
        )


class Keywords(Kind):
    def middle(self, h):
        return F.relu(input=h, inplace=False) + F.relu(h, inplace=(h.dim() == 9)) + F.relu(inplace=False, input=h)


class Operator(Kind):
    def middle(self, h):
        return torch.ops.aten.relu.default(h) + torch.ops.aten.relu(h) + torch.Tensor.relu(h)


class Optional(Kind):
    def middle(self, h, skip=None):
        return F.relu(h) if skip is None else F.relu(h + skip)

    def forward(self, x, *, twice=True, **_):
        h = self.first(x)
        return self.last(self.middle(h, skip=h if twice else None))


class Functions(Kind):
    def middle(self, h):
        return unrelated(helper(h, scale=2.0)) + sum(map(inner, (h, -h))) + recursive(h, 2)


class Decorated(Kind):
    @doubled
    def middle(self, h):
        return F.relu(h)


class NoGrad(Kind):
    def middle(self, h):
        with torch.no_grad():
            target = F.relu(h)
        return F.relu(h) - target * 0.5 + without_gradients(h)


class Inherited(Kind):
    def middle(self, h):
        return super().middle(h) + Kind.middle(self, h)


class Static(Kind):
    act = staticmethod(F.relu)

    @staticmethod
    def squashed(h, by=1.0):
        return F.relu(h) / by

    @property
    def slope(self):
        return rectified(torch.ones(1))

    def middle(self, h):
        return self.squashed(self.act(h), by=2.0) * self.slope


class Held(Kind):
    def __init__(self):
        super().__init__()
        self.plain, self.partial = F.relu, functools.partial(F.relu, inplace=False)
        self.several, self.named = [F.relu, torch.tanh], {"act": F.relu, "deep": [nn.ReLU()]}
        self.written = helper

    def middle(self, h):
        h = (
            self.plain(h, inplace=False)
            + self.partial(h)
            + self.plain(input=h)
            + self.several[0](h)
            + self.named["act"](h)
        )
        return self.written(h) + self.named["deep"][0](h)


class Anonymous(Kind):
    def __init__(self):
        super().__init__()
        self.act, self.other = (lambda h: F.relu(h) + h), (lambda h: torch.tanh(h) + h)

    def middle(self, h):
        return self.act(h) + (lambda v: F.relu(v) * 2).__call__(h) + self.other(h)


class Table(Kind):
    def __init__(self, kind="relu"):
        super().__init__()
        self.kind = kind

    def middle(self, h):
        h = TABLE[self.kind](h) + getattr(F, self.kind)(h)
        return h + CLASSES[self.kind]()(h) if self.kind == "relu" else h


class Made(Kind):
    def middle(self, h):
        return nn.ReLU(inplace=False)(h) + SHARED(h)


class Default(Kind):
    def middle(self, h, act=F.relu, other=torch.tanh):
        """Use an argument."""
        return act(h) + other(h)


class Passed(Kind):
    def applied(self, act, h):
        return act(h, False)

    def middle(self, h):
        act = F.relu if self.training else rectified
        return self.applied(act, h) + self.applied(F.relu, h)


class Inner(Kind):
    def middle(self, h):
        def twice(v):
            return F.relu(v) + sum(F.relu(part) for part in (v, v))

        return twice(h)


class Private(Kind):
    def __hidden(self, h):
        return F.relu(h)

    def middle(self, h):
        return self.__hidden(h)


class Dropping(Kind):
    def middle(self, h):
        if self.training and random.random() < 0.5:
            return h
        return F.dropout(F.relu(h), 0.5, self.training) + (torch.rand(()) if self.training else 0)


class Counting(Kind):
    def __init__(self):
        super().__init__()
        self.register_buffer("steps", torch.zeros(()))
        self.seen, self.count = [], {"calls": 0}

    def middle(self, h):
        self.steps += 1
        self.count["calls"] += 1
        self.seen.append(float(h.detach().mean()))
        return F.relu(h) * self.steps


class Checkpointed(Kind):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(6)

    def block(self, h):
        return F.relu(self.norm(h))

    def middle(self, h):
        return checkpoint(self.block, h, use_reentrant=False) + checkpoint(F.relu, h, use_reentrant=False)


class Branching(Kind):
    def middle(self, h):
        match h.dim():
            case 2 if h.sum() > -1e9:
                return F.relu(h) if isinstance(h, torch.Tensor) else h
            case _:
                return h


class Iterated(nn.Sequential):
    """Its children run in turn; one more would run, too."""

    def __init__(self):
        super().__init__(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4))

    def forward(self, x):
        return F.relu(super().forward(x)) + x


class Nested(Kind):
    def __init__(self):
        super().__init__()
        self.block = Iterated()

    def forward(self, x):
        return self.block(super().forward(x))


class InPlace(Kind):
    def __init__(self):
        super().__init__()
        self.act = nn.ReLU(inplace=True)
        self.block = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 6))
        self.child = Changing()

    def middle(self, h):
        self.act(h)
        return self.rest(h * 2)

    def rest(self, h):
        F.relu_(h)
        k = h - 0.5
        k.relu_()
        g = k - 0.25
        same = g
        g = F.relu(g, inplace=True)
        b = k - 0.75
        c = self.child(b) + b
        d = k - 0.1
        return self.block(d) + d + c + same + g


class Changing(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(6, 6)

    def forward(self, x):
        return self.last(F.relu(x, inplace=True))


class Reused(Kind):
    def __init__(self):
        super().__init__()
        self.act = nn.ReLU()
        self.block = nn.Sequential(self.act, nn.Linear(6, 6), self.act)

    def middle(self, h):
        return self.block(self.act(h)) + self.block(h)


class Hooked(Kind):
    def __init__(self):
        super().__init__()
        self.act = nn.ReLU()
        self.first.register_forward_hook(rectify_output)
        self.act.register_forward_hook(double_output)

    def middle(self, h):
        return self.act(h - 0.2)


def rectify_output(module, args, output):
    return F.relu(output)


def double_output(module, args, output):
    return output * 2


class Generated(Kind):
    def middle(self, h):
        return sum(self.parts(h))

    def parts(self, h):
        yield F.relu(h)
        yield h.relu()


class Assigned(Kind):
    """Its forward was set on the instance."""

    def __init__(self):
        super().__init__()
        self.forward = functools.partial(through, self)


def through(module, x):
    return module.last(F.relu(module.first(x)))


class Encoder(Kind):
    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(6, 2, 8, 0.0, batch_first=True)

    def middle(self, h):
        return self.layer(h[None])[0]


class Autocast(Kind):
    def middle(self, h):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = F.relu(self.last(h))
        return F.relu(h) * half.float().mean()


class Layouts(Kind):
    def middle(self, h):
        if (first := F.relu(h)).dim() > 9:
            return first
        several = [F.relu(v) for v in (first, h - 0.1)]
        long = F.relu(  # a comment with a ) and a ,
            h,  # , another
            inplace=False,
        )
        return several[1] + long + (
            h
            # and .relu() in one
            .relu()
        ) + h \
            .relu()  # fmt: skip


class Left1:
    def middle(self, h):
        return super().middle(F.relu(h) - 0.1)


class Left2:
    def middle(self, h):
        return torch.relu(h - 0.1)


class Diamond(Left1, Left2, Kind):
    def __call__(self, x):
        return F.relu(super().__call__(x) - 0.01)


class Named(Kind):
    def middle(self, h):
        return F.relu(super(Named, self).middle(h) - 0.1)  # noqa: UP008


class Defaults(Kind):
    # fmt: off
    def one(self, h, *, act=F.relu): return act(h) * (2 if act is F.relu else 1)
    # fmt: on

    def middle(self, h):
        return self.one(h)


def bare(function):
    def wrapper(*args):
        return function(*args)

    return wrapper


class Bare(Kind):
    @bare
    def middle(self, h):
        return F.relu(h)


class LookedUp(Kind):
    def __init__(self):
        super().__init__()
        self.kind = "relu"

    def middle(self, h):
        act, other = getattr(F, self.kind), TABLE.get(self.kind)
        local = TABLE[self.kind]
        return act(h) + other(h) + local(h) + {"relu": F.relu, "none": None}[self.kind](h)


class Own(Kind):
    def __init__(self):
        super().__init__()
        self.child, self.act = Kind(), nn.ReLU()
        self.run, self.other, self.third = self.rectified, self.child.middle, self.act.forward

    def rectified(self, h):
        return F.relu(h)

    def middle(self, h):
        return self.run(h) + self.other(h) + self.third(h)


class Local(Kind):
    def middle(self, h):
        import torch.nn.functional as names
        from torch.nn.functional import relu as act

        space = torch.nn.functional
        return act(h) + names.relu(h) + space.relu(h)


class Positional(Kind):
    def middle(self, h):
        h = h * 1
        F.relu(h, True)
        return h


class Views(Kind):
    def middle(self, h):
        h, g = h * 1, h * 1
        F.relu_(h[:, :2])
        p = h * 2
        part = p[:, 2:4].relu_() + torch.stack([F.relu(v, inplace=True) for v in (h[:, 4:] * 1,)]).sum(0)
        k = h * 2 - 0.1
        several = sum(torch.cat([k, F.relu(k, inplace=True)], 1).chunk(2, 1))
        for act in (F.relu_,):
            act(k := h * 3 - 0.2)
        h = torch.cat([part * 2, p[:, 2:]], 1) + several + h + k
        flat = g.view(-1)
        g = F.relu(g, inplace=True)
        return h + g + flat.view_as(h)


class Residual(Kind):
    def __init__(self):
        super().__init__()
        self.act, self.layers = nn.ReLU(inplace=True), nn.ModuleList([nn.ReLU(inplace=True), nn.Linear(6, 6)])

    def middle(self, h):
        identity, skips = h, []
        out = self.act(h)
        out = out - 0.1
        skips.append(out)
        before = out
        for layer in self.layers:
            out = layer(out)
        return out + identity + skips.pop() + before


class Tensorlike:
    def __init__(self, value):
        self.value = value

    def relu(self):
        return self.value * 3


class Lookalike(Kind):
    def middle(self, h):
        return Tensorlike(h).relu() + h.relu()


def counted(h):
    counted.calls += 1
    return F.relu(h)


counted.calls = 0


class Attributes(Kind):
    def middle(self, h):
        return counted(h)


class Starred(Kind):
    def middle(self, h):
        return F.relu(*(h,)) + functools.reduce(lambda v, act: act(v), [F.relu, torch.tanh], h) + F.relu(input=h)


class Reduced(Kind):
    @staticmethod
    def built(state):
        network = Reduced()
        network.load_state_dict(state)
        return network

    def __reduce__(self):
        return Reduced.built, (self.state_dict(),)


class Stated(Kind):
    def __getstate__(self):
        return self.state_dict()

    def __setstate__(self, state):
        self.__init__()
        self.load_state_dict(state)


class Copied(Kind):
    def __deepcopy__(self, memo):
        network = type(self)()
        network.load_state_dict(self.state_dict())
        return network


class Skipping(Inherited):
    def middle(self, h):
        return F.relu(super(Inherited, self).middle(h) - 0.1)


class HeldInPlace(Kind):
    def __init__(self):
        super().__init__()
        self.act, self.part = F.relu_, functools.partial(F.relu, inplace=True)
        self.one = self.two = helper

    def middle(self, h):
        g, h = h * 2, h * 1
        self.act(g)
        self.part(h)
        return g + self.one(h) + self.two(h - 0.1)


class Decoder(Kind):
    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerDecoderLayer(6, 2, 8, 0.0, batch_first=True)

    def middle(self, h):
        return self.layer(h[None], h[None])[0]


KINDS = [kind for kind in list(globals().values()) if isinstance(kind, type) and issubclass(kind, nn.Module)]
KINDS = [kind for kind in KINDS if kind.__module__ == __name__]
