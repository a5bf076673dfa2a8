"""What a person may give as the new activation: a class, an instance, a factory, a name, a formula."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from evaluators.swapping.known import known_function
from primitives import ActsearchError, compile_expression, resolve

New = Callable[[], nn.Module] | nn.Module | str
_FORMS = "a module class, an instance, a factory without arguments, a name such as 'crrelu' or a formula in x"


def factory(new: New) -> Callable[[], nn.Module]:
    """Return what makes a fresh activation each time it is called.

    Raises:
        ActsearchError: there is none in it.
    """
    if isinstance(new, str):
        compiled = compile_expression(resolve(new))
        return compiled.module
    if isinstance(new, nn.Module):
        return lambda: copy.deepcopy(new)
    if (known := known_function(new)) is not None:
        name = f"nn.{known.name}"
        raise ActsearchError(f"new cannot be the function {getattr(new, '__name__', new)}; give {name} in its place")
    if not callable(new) or (isinstance(new, type) and not issubclass(new, nn.Module)):
        raise ActsearchError(f"new must be {_FORMS}, not {new!r}")
    return lambda: _made(new)


def _made(new: Callable[[], Any]) -> nn.Module:
    try:
        module = new()
    except ActsearchError:
        raise
    except Exception as error:
        name = getattr(new, "__name__", repr(new))
        raise ActsearchError(f"new must be {_FORMS}; {name}() raises {type(error).__name__}: {error}") from error
    if not isinstance(module, nn.Module):
        raise ActsearchError(f"new must make an nn.Module each time it is called, not a {type(module).__name__}")
    return module


def refuse_no_activation(module: nn.Module) -> None:
    """Refuse a module that answers a tensor with something else than one tensor of the same shape.

    What raises on a small tensor is left to the network: it may want a certain number of channels.

    Raises:
        ActsearchError: it does.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        try:
            trial = copy.deepcopy(module).cpu().eval()
            near = next((p for p in trial.parameters() if p.is_floating_point()), torch.zeros(()))
            given = torch.linspace(-1, 1, 6, dtype=near.dtype).reshape(2, 3)
            answer = trial(given)
        except Exception:  # a module may raise anything when it is given other channels than it was made for
            return
    if not isinstance(answer, torch.Tensor) or answer.shape != given.shape:
        what = f"a tensor {tuple(answer.shape)}" if isinstance(answer, torch.Tensor) else f"a {type(answer).__name__}"
        raise ActsearchError(
            f"new is no activation: {type(module).__name__} answers a tensor (2, 3) with {what}; it must keep the shape"
        )
