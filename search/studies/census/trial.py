"""One network: built, measured, swapped for itself, measured again."""

from __future__ import annotations

import copy
import importlib
import pickle
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from evaluators.instruments.swapping import swap as swapping
from evaluators.instruments.swapping.known import KNOWN, Known, Wanted
from evaluators.instruments.swapping.look import Look
from evaluators.instruments.swapping.places import Left
from primitives import ActsearchError
from search.studies.census.examples import Example
from search.studies.census.networks import build
from search.studies.census.same import NAMES, Same, fill
from search.studies.census.watch import Ran, Watch, unnamed

Kept = TypeVar("Kept", list[Tensor], dict[str, Tensor])
_LAST = ("Sigmoid", "Tanh", "Hardsigmoid", "Softplus", "LogSigmoid", "Softsign")
_PARTS = tuple(known.name for known in KNOWN if not known.calls)
"""Activations that torch has no operator for."""
_ENTRIES = {known.name: known for known in KNOWN}


@dataclass(frozen=True)
class Measured:
    """What a network computes in both modes; ``None`` where it raises."""

    evaluated: list[Tensor] | None
    trained: list[Tensor] | None
    gradients: dict[str, Tensor] | None


def trial(library: str, name: str, row: dict[str, object]) -> None:
    """Fill the row of one network; what is known before an error stays in it."""
    row["library"], row["architecture"] = library, name
    row["stage"] = "build"
    _seed(0)
    network, example, training = build(library, name)
    row["parameters"] = round(sum(p.numel() for p in network.parameters()) / 1e6, 3)
    row["stage"] = "reference"
    ran = _watched(network, example, training)
    kind, row["found"] = _old(network, ran)
    row["activation"] = kind.name if kind else ""
    if kind is None:
        row["stage"] = ""
        return
    del network
    fresh = [_rebuilt(library, name) for _ in range(3)]
    before = [_measured(one, example, training) for one in fresh[:2]]
    row["repeatable"] = _yes(_equal(*before))
    before.pop()
    _swapped(row, kind, fresh, before[0], example, training, ran)
    row["stage"] = "learned"
    row["learned"] = _learned(fresh[1], kind)
    row["stage"] = ""


def _swapped(
    row: dict[str, object],
    kind: Known,
    fresh: list[nn.Module],
    before: Measured,
    example: Example,
    training: Example,
    ran: Mapping[Ran, int],
) -> None:
    network, twin = fresh[2].eval(), fresh[0]
    modules, state = dict(network.named_modules(remove_duplicate=False)), _state(network)
    row["stage"] = "swap"
    began = time.perf_counter()
    try:
        done = swapping.swap(network, _class_of(kind, network), Same)
    except ActsearchError as error:
        lines = {f"{found} at {line}" for found, line, _ in ran if kind.name in found.split(" or ")}
        row["silent"] = "" if "left as they are" in str(error) else " | ".join(sorted(lines))
        raise
    row["seconds"] = round(time.perf_counter() - began, 3)
    gone = tuple(place.name + "." for place in done.places)
    state = {name: value for name, value in state.items() if not name.startswith(gone)}
    row["state_changed"] = _yes(not _same(state, _state(network)))
    row["replaced"], row["left"], row["gates"] = done.count, len(done.left), len(done.gates)
    row["found"] = done.count + len(done.left)
    row["left_reasons"] = " | ".join(f"{why} x{n}" for why, n in Counter(_why(x) for x in done.left).items())
    row["stage"] = "fill"
    notes = fill(done, modules, twin, kind)
    row["notes"] = "arguments: " + ", ".join(dict.fromkeys(notes)) if notes else ""
    row["stage"] = "check"
    checked = done.check(example)
    new = sum(isinstance(m, Same) for m in network.modules())
    row["never"], row["running"] = len(checked.never), len(checked.running)
    row["running_lines"] = " | ".join(dict.fromkeys(f"{r.was} at {r.line}" for r in checked.running))
    row["reread"] = len(checked.reread)
    row["ran"] = new - len(checked.never)
    row["unregistered"] = len({id(m) for m in done._new} - {id(m) for m in network.modules()})
    row["stage"] = "equal"
    _equalities(row, network, before, example, training)
    row["stage"] = "copies"
    copiers: dict[str, Callable[[nn.Module], nn.Module]] = {"pickle": _pickled, "deepcopy": copy.deepcopy}
    for what, copied in copiers.items():
        row[what] = _copies(network, twin, copied, example)
    row["stage"] = "silent"
    silent = unnamed(_watched(network, example, training), kind.name, done, checked)
    row["silent"] = " | ".join(dict.fromkeys(silent))


def _equalities(
    row: dict[str, object], network: nn.Module, before: Measured, example: Example, training: Example
) -> None:
    if row["repeatable"] != "yes":
        return
    after = _measured(network, example, training)
    for name in ("evaluated", "trained", "gradients"):
        one, other = getattr(before, name), getattr(after, name)
        column = {"evaluated": "equal_eval", "trained": "equal_train", "gradients": "equal_gradients"}[name]
        row[column] = "no before" if one is None else _yes(other is not None and _same(one, other))


def _learned(network: nn.Module, kind: Known) -> str:
    """Tell whether an activation with a weight can be put in."""
    before = sum(1 for _ in network.parameters())
    try:
        done = swapping.swap(network, _class_of(kind, network), nn.PReLU)
    except Exception as error:  # what it says stands in the table
        return f"no: {error}"[:200]
    more = sum(1 for _ in network.parameters()) - before
    return _yes(more > 0 or done.count == 0 or kind.name in ("PReLU", "StarReLU", "xIELU"))


def _why(left: Left) -> str:
    return left.why if len(left.why) < 160 else left.why[:157] + "..."


# -- the old activation -----------------------------------------------------------------------------


def _old(network: nn.Module, ran: Mapping[Ran, int]) -> tuple[Known | None, int]:
    """Return the activation that a network has most of, and in how many places."""
    found = Look(network, Wanted.of("all"), lambda place: not place.gate, True, set()).run()
    places = [m.place for m in found.modules] + [a.place for a in found.attributes]
    places += [p for r in found.rewrites for p, _ in r.places] + [p for g in found.graphs for p, _ in g.nodes]
    names = [place.was for place in places]
    names += [name for left in found.left for name in left.was.replace(" and ", " or ").split(" or ")]
    names = names or [kind for kind, *_ in ran]
    kinds = Counter(NAMES[n.rpartition(".")[2]].name for n in names if n.rpartition(".")[2] in NAMES)
    if not kinds:
        return None, 0
    runs = {name for kind, *_ in ran for name in kind.split(" or ")}
    kind = max(kinds, key=lambda name: (name not in _LAST, name in runs or name in _PARTS, kinds[name]))
    return _ENTRIES[kind], kinds[kind]


def _class_of(kind: Known, network: nn.Module) -> type[nn.Module]:
    """Return a class by which a swap can be asked for an activation."""
    if hasattr(nn, kind.name):
        own: type[nn.Module] = getattr(nn, kind.name)
        return own
    there = {f"{type(m).__module__}.{type(m).__qualname__}": type(m) for m in network.modules()}
    full = next((name for name in kind.classes if name in there), kind.classes[0])
    module, _, name = full.rpartition(".")
    return there.get(full) or getattr(importlib.import_module(module), name)


# -- measuring --------------------------------------------------------------------------------------


def _seed(number: int) -> None:
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


def _rebuilt(library: str, name: str) -> nn.Module:
    _seed(0)
    return build(library, name, again=True)[0]


def _called(network: nn.Module, example: Example) -> object:
    if isinstance(example, Mapping):
        return network(**example)
    return network(*example) if isinstance(example, tuple) else network(example)


def _measured(network: nn.Module, example: Example, training: Example) -> Measured:
    """Return what a network computes; its state is another one afterwards."""
    _seed(1)
    with torch.no_grad():
        evaluated = [*_tensors(_called(network.eval(), example)), torch.get_rng_state()]
    try:
        _seed(2)
        outputs = list(_tensors(_called(network.train(), training)))
    except Exception:  # some have no training mode without labels
        return Measured(evaluated, None, None)
    finally:
        generator = torch.get_rng_state()
    trained = [*(o.detach().clone() for o in outputs), *(b.clone() for b in network.buffers()), generator]
    return Measured(evaluated, trained, _gradients(network, outputs))


def _gradients(network: nn.Module, outputs: list[Tensor]) -> dict[str, Tensor] | None:
    network.zero_grad()
    losses = [o.float().sum() for o in outputs if o.requires_grad and o.is_floating_point()]
    if not losses:
        return None
    try:
        total = sum(losses)
        assert isinstance(total, Tensor)
        total.backward()
    except RuntimeError:
        return None
    found = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    network.zero_grad(set_to_none=True)
    return found


def _watched(network: nn.Module, example: Example, training: Example) -> Counter[Ran]:
    """Return which activations run in both modes."""
    watch, trained = Watch(network), network.training
    state = _state(network)
    _seed(3)
    with torch.no_grad(), watch:
        _called(network.eval(), example)
        try:
            _called(network.train(), training)
        except Exception:  # some have no training mode without labels
            Same.depth = 0
    network.train(trained)
    _restore(network, state)
    return watch.seen


def _restore(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name in state and isinstance(value, Tensor):
                value.copy_(state[name])


def _copies(network: nn.Module, twin: nn.Module, copied: Callable[[nn.Module], nn.Module], example: Example) -> str:
    """Tell whether a copy of the swapped network computes what it does."""
    try:
        made = copied(network)
    except Exception as error:  # anything can be wrong with a copy
        try:
            copied(twin)
        except Exception:  # and with one of the network as it was
            return "no before"
        return f"no: {type(error).__name__}: {error}"[:300]
    try:
        results = []
        for one in (network, made):
            _seed(1)
            with torch.no_grad():
                results.append(list(_tensors(_called(one.eval(), example))))
        return _yes(_same(*results))
    except Exception as error:  # a copy may raise anything
        return f"no: runs into {type(error).__name__}: {error}"[:300]


def _pickled(network: nn.Module) -> nn.Module:
    copied: nn.Module = pickle.loads(pickle.dumps(network))  # noqa: S301 - our own bytes
    return copied


def _state(network: nn.Module) -> dict[str, Tensor]:
    return {n: v.clone() for n, v in network.state_dict().items() if isinstance(v, Tensor)}


def _tensors(value: object) -> Iterator[Tensor]:
    """Yield the tensors in an output."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _tensors(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _tensors(one)


def _equal(one: Measured, other: Measured) -> bool:
    return all(_same(getattr(one, n), getattr(other, n)) for n in ("evaluated", "trained", "gradients"))


def _same(one: Kept | None, other: Kept | None) -> bool:
    """Tell whether lists or dictionaries of tensors are equal bit by bit."""
    if one is None or other is None:
        return one is other
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_bits(one[k], other[k]) for k in one)
    return len(one) == len(other) and all(map(_bits, one, other))


def _bits(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if torch.equal(one, other):
        return True
    return one.is_floating_point() and torch.equal(one.nan_to_num(), other.nan_to_num())


def _yes(value: bool) -> str:
    return "yes" if value else "no"
