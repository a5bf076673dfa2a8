"""A device that is not there: torch's fake tensors, with what they lack to run the whole of a training.

Shapes, types and devices are what they would be on the device; no number is ever computed. Every
number that the code reads (``float(t)``, ``t.tolist()``) is one, every truth is true, no two tensors
are equal, and every array (``t.numpy()``) is a ramp.
"""

from __future__ import annotations

import ctypes
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensor, FakeTensorMode
from torch._subclasses.fake_tensor import unset_fake_temporarily
from torch.utils._pytree import tree_leaves

from evaluators.instruments.dynamic import adaptive, family

DEVICES = tuple(torch.device(kind, 0) for kind in ("cuda", "mps"))
_MPS, _META = 13, 14
"""Their places in ``c10/core/DeviceType.h``."""
aten = torch.ops.aten


@contextmanager
def pretended(device):
    """Have tensors of a device within, whatever the machine has; all tensors made within are fake."""
    with ExitStack() as stack:
        if device.type == "mps":
            stack.enter_context(_guarded())
            stack.enter_context(patch.object(nn.functional, "scaled_dot_product_attention", _attention))
        for name in ("torch.cuda", "torch.mps"):
            stack.enter_context(patch(f"{name}.get_rng_state", lambda *_: torch.get_rng_state()))
            stack.enter_context(patch(f"{name}.set_rng_state", lambda *_: None))
        stack.enter_context(patch.object(Tensor, "backward", _backward))
        stack.enter_context(patch.object(Tensor, "numpy", _numpy))
        stack.enter_context(patch.object(torch, "from_numpy", lambda array: torch.tensor(array.tolist())))
        stack.enter_context(patch.object(nn.Module, "_apply", _apply))
        for module, name in ((adaptive, "_usable"), (family, "_base_at_bins")):
            stack.enter_context(patch.object(module, name, _with_true_tensors(getattr(module, name))))
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", "Accessing the data pointer of FakeTensor")  # which copy.deepcopy does
        stack.enter_context(Pretended())
        yield


class Pretended(FakeTensorMode):
    """Fake tensors that refuse what a device refuses and answer what only data could tell."""

    def __init__(self):
        super().__init__(allow_non_fake_inputs=False)

    def __deepcopy__(self, memo):
        return self  # a copied tensor is one of the same device

    def dispatch(self, func, types, args=(), kwargs=None):
        given = [value for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
        if given and not any(isinstance(tensor, FakeTensor) for tensor in given) and func in (READ, aten.equal.default):
            return func(*args)  # states of generators are true tensors
        _draws_there(kwargs or {})
        if func is aten._fused_sgd_.default:  # torch has no fake of it
            return _on_one_device(given)
        if func is READ:
            return _one(given[0].dtype)
        if func is aten.equal.default:
            _on_one_device(given)
            return False
        if func in (aten.index.Tensor, aten.index_put.default, aten.index_put_.default):
            _fit(args[0], args[1])
        result = super().dispatch(func, types, args, kwargs)
        if any(tensor.device.type == "mps" for tensor in (*given, *tree_leaves(result)) if isinstance(tensor, Tensor)):
            _refuse_float64(result)
        return result


READ = aten._local_scalar_dense.default


def _one(kind):
    return True if kind == torch.bool else 1.0 if kind.is_floating_point else 1


def _on_one_device(tensors):
    if len({tensor.device for tensor in tensors}) > 1:
        raise RuntimeError("Expected all tensors to be on the same device")


def _draws_there(options):
    """Refuse a generator of another device than the tensor that it is to fill."""
    generator, device = options.get("generator"), options.get("device")
    if generator is not None and device is not None and generator.device.type != device.type:
        raise RuntimeError(f"Expected a '{device.type}' device type for generator but found '{generator.device.type}'")


def _fit(tensor, indices):
    """Refuse an index on a device that its tensor is not on; fake tensors would take it. The CPU's are taken by all."""
    for index in indices:
        if index is not None and index.device not in (torch.device("cpu"), tensor.device):
            raise RuntimeError(f"indices should be either on cpu or on the same device as the tensor ({tensor.device})")


def _refuse_float64(result):
    """Refuse what Apple's backend refuses: float64, made on the device or on the way from it."""
    if any(isinstance(tensor, Tensor) and tensor.dtype == torch.float64 for tensor in tree_leaves(result)):
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64")


@contextmanager
def _guarded():
    """Give a torch without Apple's backend what autograd asks every device for: the guard of tensors without data."""
    library = next((Path(torch.__file__).parent / "lib").glob("libc10.*"))
    guards = (ctypes.c_void_p * (_META + 1)).in_dll(ctypes.CDLL(str(library)), REGISTRY)
    before, guards[_MPS] = guards[_MPS], guards[_MPS] or guards[_META]
    try:
        yield
    finally:
        guards[_MPS] = before


REGISTRY = "_ZN3c104impl26device_guard_impl_registryE"


# --- what torch does in C++ and only with a device there ------------------------------------------


@torch.no_grad()
def _backward(loss, gradient=None):
    """Walk back through the graph as autograd's engine does, and check devices as it does."""
    given = {loss.grad_fn: {loss.output_nr: torch.ones_like(loss) if gradient is None else gradient}}
    for node in reversed(_inputs_first(loss.grad_fn)):
        grads = given.pop(node, {})
        if not grads:
            continue
        call = node.apply if isinstance(node, torch.autograd.function.BackwardCFunction) else node
        found = call(*(grads.get(place) for place in range(len(node._input_metadata))))
        edges = zip(node.next_functions, found if isinstance(found, tuple) else (found,), strict=False)
        for (to, place), grad in edges:
            if to is not None and grad is not None:
                into, fitting = given.setdefault(to, {}), _fitting(grad, to._input_metadata[place])
                into[place] = into[place] + fitting if place in into else fitting


def _inputs_first(root):
    order, seen, path = [], {root}, [(root, iter(root.next_functions))]
    while path:
        node, rest = path[-1]
        following = next((to for to, _ in rest if to is not None and to not in seen), None)
        if following is None:
            order.append(node)
            path.pop()
        else:
            seen.add(following)
            path.append((following, iter(following.next_functions)))
    return order


def _fitting(grad, wanted):
    if grad.device != wanted.device:
        raise RuntimeError(f"a gradient is on {grad.device}, but what it is of is on {wanted.device}")
    return grad.sum_to_size(wanted.shape).to(wanted.dtype)


def _attention(query, key, value, mask=None, *, is_causal=False):
    """Compute what the fused one does; a torch without Apple's backend cannot choose a kernel for it."""
    assert mask is None
    scores = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5
    if is_causal:
        scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -torch.inf)
    return scores.softmax(dim=-1) @ value


def _numpy(tensor):
    if tensor.device.type != "cpu":
        raise TypeError(f"can't convert {tensor.device} device type tensor to numpy. Use Tensor.cpu() first")
    kind = str(tensor.dtype).rpartition(".")[2]
    return np.linspace(-2.0, 2.0, tensor.numel()).astype(kind).reshape(tuple(tensor.shape))


def _apply(module, function, recurse=True, made=None):
    """Move a module's tensors; torch would exchange them in place, which fake ones cannot bear."""
    made = {} if made is None else made
    for child in module.children():
        child._apply(function, recurse, made)
    for name, value in module._parameters.items():
        if value is not None:
            if id(value) not in made:
                with torch.no_grad():
                    made[id(value)] = value, nn.Parameter(function(value), value.requires_grad)
            module._parameters[name] = made[id(value)][1]
    for name, value in module._buffers.items():
        module._buffers[name] = value if value is None else function(value)
    return module


def _with_true_tensors(function):
    """Return a function of numbers that computes them by tensors, and remembers them: these must not be fake."""

    def computed(*args):
        with unset_fake_temporarily(), patch.object(Tensor, "numpy", NUMPY), patch.object(torch, "from_numpy", FROM):
            return function(*args)

    return computed


NUMPY, FROM = Tensor.numpy, torch.from_numpy
