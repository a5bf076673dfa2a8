"""What a person may give as the new activation: a class, an instance, a factory, a name, a formula."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from evaluators.instruments.swapping.known import called, known_function
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
        raise ActsearchError(f"new cannot be the function {called(new)}; give {name} in its place")
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
    """Refuse one of torch's own layers that is none; what a user wrote is believed.

    Raises:
        ActsearchError: it does not answer each tensor with one of the same shape, value by value.
    """
    kind = type(module)
    if isinstance(module, torch.jit.ScriptModule):
        raise ActsearchError("new is TorchScript, which cannot follow its place; give it before torch.jit.script")
    if not kind.__module__.startswith("torch.nn.modules.") or isinstance(module, nn.Sequential | nn.Identity):
        return
    if kind.__module__ != "torch.nn.modules.activation" or isinstance(module, nn.MultiheadAttention | nn.GLU):
        raise ActsearchError(f"new is no activation but the layer {kind.__name__}; new must be {_FORMS}")
