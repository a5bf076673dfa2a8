"""The activations that networks are found to use: as modules, as functions, as methods of a tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional

from primitives import ActsearchError

_TIMM = "timm.layers.activations"
_TIMM_ME = "timm.layers.activations_me"
_HF = "transformers.activations"


@dataclass(frozen=True)
class Known:
    """One activation in all the shapes it is met in.

    Attributes:
        name: as people say it.
        classes: full names of module classes, so that timm and transformers need not be there.
        functions: torch functions; a network calls them or keeps them in an attribute.
        methods: of a tensor.
    """

    name: str
    classes: tuple[str, ...]
    functions: tuple[Callable[..., Any], ...] = ()
    methods: tuple[str, ...] = ()


KNOWN = (
    Known(
        "ReLU",
        ("torch.nn.modules.activation.ReLU",),
        (functional.relu, functional.relu_, torch.relu, torch.relu_),
        ("relu", "relu_"),
    ),
    Known("ReLU6", ("torch.nn.modules.activation.ReLU6",), (functional.relu6,)),
    Known(
        "LeakyReLU",
        ("torch.nn.modules.activation.LeakyReLU",),
        (functional.leaky_relu, functional.leaky_relu_),
    ),
    Known("PReLU", ("torch.nn.modules.activation.PReLU", f"{_TIMM}.PReLU")),
    Known("RReLU", ("torch.nn.modules.activation.RReLU",), (functional.rrelu, functional.rrelu_, torch.rrelu)),
    Known("ELU", ("torch.nn.modules.activation.ELU",), (functional.elu, functional.elu_)),
    Known("CELU", ("torch.nn.modules.activation.CELU",), (functional.celu, functional.celu_, torch.celu)),
    Known("SELU", ("torch.nn.modules.activation.SELU",), (functional.selu, functional.selu_, torch.selu)),
    Known(
        "GELU",
        (
            "torch.nn.modules.activation.GELU",
            f"{_TIMM}.GELU",
            f"{_TIMM}.GELUTanh",
            *(f"{_HF}.{name}" for name in ("GELUActivation", "GELUTanh", "PytorchGELUTanh", "NewGELUActivation")),
            *(f"{_HF}.{name}" for name in ("FastGELUActivation", "AccurateGELUActivation")),
        ),
        (functional.gelu,),
    ),
    Known("QuickGELU", (f"{_TIMM}.QuickGELU", f"{_HF}.QuickGELUActivation")),
    Known(
        "SiLU",
        ("torch.nn.modules.activation.SiLU", f"{_TIMM}.Swish", f"{_TIMM_ME}.SwishMe", f"{_HF}.SiLUActivation"),
        (functional.silu,),
    ),
    Known(
        "Mish",
        (
            "torch.nn.modules.activation.Mish",
            f"{_TIMM}.Mish",
            f"{_TIMM_ME}.MishMe",
            f"{_HF}.MishActivation",
        ),
        (functional.mish,),
    ),
    Known(
        "Hardswish",
        ("torch.nn.modules.activation.Hardswish", f"{_TIMM}.HardSwish", f"{_TIMM_ME}.HardSwishMe"),
        (functional.hardswish,),
    ),
    Known(
        "Hardsigmoid",
        ("torch.nn.modules.activation.Hardsigmoid", f"{_TIMM}.HardSigmoid", f"{_TIMM_ME}.HardSigmoidMe"),
        (functional.hardsigmoid,),
    ),
    Known("HardMish", (f"{_TIMM}.HardMish", f"{_TIMM_ME}.HardMishMe")),
    Known(
        "Sigmoid",
        ("torch.nn.modules.activation.Sigmoid", f"{_TIMM}.Sigmoid"),
        (functional.sigmoid, torch.sigmoid, torch.sigmoid_, torch.special.expit),
        ("sigmoid", "sigmoid_"),
    ),
    Known(
        "Tanh",
        ("torch.nn.modules.activation.Tanh", f"{_TIMM}.Tanh"),
        (functional.tanh, torch.tanh, torch.tanh_),
        ("tanh", "tanh_"),
    ),
    Known("Hardtanh", ("torch.nn.modules.activation.Hardtanh",), (functional.hardtanh, functional.hardtanh_)),
    Known("Softplus", ("torch.nn.modules.activation.Softplus",), (functional.softplus,)),
    Known("Softsign", ("torch.nn.modules.activation.Softsign",), (functional.softsign,)),
    Known("LogSigmoid", ("torch.nn.modules.activation.LogSigmoid",), (functional.logsigmoid,)),
    Known("Tanhshrink", ("torch.nn.modules.activation.Tanhshrink",), (functional.tanhshrink,)),
    Known("Softshrink", ("torch.nn.modules.activation.Softshrink",), (functional.softshrink,)),
    Known("Hardshrink", ("torch.nn.modules.activation.Hardshrink",), (functional.hardshrink,)),
)


@dataclass(frozen=True)
class Wanted:
    """What to replace.

    Attributes:
        classes: module classes asked for by themselves, matched exactly.
        known: table entries, matched in all their shapes.
    """

    classes: tuple[type[nn.Module], ...]
    known: tuple[Known, ...]

    @classmethod
    def of(cls, old: type[nn.Module] | Sequence[type[nn.Module]] | Literal["all"]) -> Wanted:
        """Return what a user's ``old`` means.

        Raises:
            ActsearchError: it is neither module classes nor ``"all"``.
        """
        if old == "all":
            return cls((), KNOWN)
        classes = tuple(old) if isinstance(old, (tuple, list)) else (old,)
        if not classes or not all(isinstance(c, type) and issubclass(c, nn.Module) for c in classes):
            raise ActsearchError(f"old must be a module class, several in a tuple, or 'all', not {old!r}")
        return cls(classes, tuple(known for known in KNOWN if any(_full_name(c) in known.classes for c in classes)))

    def is_module(self, module: nn.Module) -> bool:
        """Tell whether a module is to be replaced; a subclass of a wanted class is not."""
        return type(module) in self.classes or any(_full_name(type(module)) in known.classes for known in self.known)

    def is_function(self, value: object) -> bool:
        """Tell whether a value is a function to be replaced."""
        found = known_function(value)
        return found is not None and found in self.known

    def __str__(self) -> str:
        """Return the names of what is wanted."""
        names = [known.name for known in self.known]
        names += [c.__name__ for c in self.classes if not any(_full_name(c) in known.classes for known in KNOWN)]
        return "known activation" if self.known == KNOWN else " or ".join(names)


def known_module(module: nn.Module) -> str | None:
    """Return the name of a module that is a known activation or of a subclass of one."""
    names = {_full_name(base) for base in type(module).__mro__}
    if any(names & set(known.classes) for known in KNOWN):
        return type(module).__name__
    return None


def known_function(value: object) -> Known | None:
    """Return the activation that a function computes, if it is a known one."""
    return next((known for known in KNOWN if any(value is function for function in known.functions)), None)


def known_method(name: str) -> Known | None:
    """Return the activation that a tensor's method computes, if it is a known one."""
    return next((known for known in KNOWN if name in known.methods), None)


def _full_name(module: type) -> str:
    return f"{module.__module__}.{module.__qualname__}"
