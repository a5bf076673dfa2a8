"""The activations that networks are found to use: as modules, as functions, as methods of a tensor."""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch._ops import OpOverload, OpOverloadPacket
from torch.nn import functional

from primitives import ActsearchError

_TORCH = "torch.nn.modules.activation"
_TIMM = "timm.layers.activations"
_ME = "timm.layers.activations_me"
_HF = "transformers.activations"
_MODELS = "transformers.models"


@dataclass(frozen=True)
class Known:
    """One activation in all the shapes it is met in.

    Attributes:
        name: as people say it.
        classes: full names of module classes, so that timm and transformers need not be there.
        calls: names of torch's functions, of a tensor's methods and of operators that compute it.
        gate: whether it is what squeeze-and-excite ends in, a factor between 0 and 1.
    """

    name: str
    classes: tuple[str, ...]
    calls: tuple[str, ...] = ()
    gate: bool = False


def _torch(
    name: str,
    *calls: str,
    timm: Sequence[str] = (),
    hf: Sequence[str] = (),
    others: Sequence[str] = (),
    gate: bool = False,
) -> Known:
    """Return an activation of torch's, with the classes of other libraries that compute the same."""
    classes = [f"{_TORCH}.{name}"] + [f"{_ME if kind.endswith('Me') else _TIMM}.{kind}" for kind in timm]
    return Known(name, (*classes, *(f"{_HF}.{kind}" for kind in hf), *others), calls, gate)


KNOWN = (
    _torch("ReLU", "relu"),
    _torch("ReLU6", "relu6"),
    _torch("LeakyReLU", "leaky_relu"),
    _torch("PReLU", "prelu", "_prelu_kernel", timm=["PReLU"]),
    _torch("RReLU", "rrelu", "rrelu_with_noise"),
    _torch("ELU", "elu"),
    _torch("CELU", "celu"),
    _torch("SELU", "selu"),
    _torch(
        "GELU",
        "gelu",
        timm=["GELU", "GELUTanh"],
        hf=[
            *("GELUActivation", "GELUTanh", "PytorchGELUTanh"),
            *("NewGELUActivation", "FastGELUActivation", "AccurateGELUActivation"),
        ],
        others=[
            "transformers.models.bloom.modeling_bloom.BloomGelu",
            "transformers.models.lxmert.modeling_lxmert.GeLU",
        ],
    ),
    _torch("SiLU", "silu", timm=["Swish", "SwishMe"], hf=["SiLUActivation"]),
    _torch("Mish", "mish", timm=["Mish", "MishMe"], hf=["MishActivation"]),
    _torch("Hardswish", "hardswish", timm=["HardSwish", "HardSwishMe"]),
    _torch("Hardsigmoid", "hardsigmoid", timm=["HardSigmoid", "HardSigmoidMe"], gate=True),
    _torch("Sigmoid", "sigmoid", "expit", timm=["Sigmoid"], gate=True),
    _torch("Tanh", "tanh", timm=["Tanh"]),
    _torch("Hardtanh", "hardtanh"),
    _torch("Softplus", "softplus"),
    _torch("Softsign", "softsign"),
    _torch("LogSigmoid", "logsigmoid", "log_sigmoid", "log_sigmoid_forward"),
    _torch("Tanhshrink", "tanhshrink"),
    _torch("Softshrink", "softshrink"),
    _torch("Hardshrink", "hardshrink"),
    Known("QuickGELU", (f"{_TIMM}.QuickGELU", f"{_HF}.QuickGELUActivation")),
    Known("HardMish", (f"{_TIMM}.HardMish", f"{_ME}.HardMishMe")),
    Known("ReLUSquared", (f"{_HF}.ReLUSquaredActivation", "timm.models.metaformer.SquaredReLU")),
    Known("StarReLU", ("timm.models.metaformer.StarReLU",)),
    Known("xIELU", (f"{_HF}.XIELUActivation",)),
    Known("GammaAct", ("timm.models.nfnet.GammaAct",)),
    Known("Laplace", (f"{_HF}.LaplaceActivation",)),
    Known("ClippedGELU", (f"{_HF}.ClippedGELUActivation",)),
)

_NAMESPACES = (functional, torch, torch._C._nn, torch.special, torch._VF, torch.Tensor)
METHODS = {
    name + end: known
    for known in KNOWN
    for name in known.calls
    for end in ("", "_")
    if hasattr(torch.Tensor, name + end)
}
"""The methods of a tensor that compute an activation."""
_FUNCTIONS = {
    getattr(space, name + end): known
    for known in KNOWN
    for name in known.calls
    for space in _NAMESPACES
    for end in ("", "_")
    if hasattr(space, name + end)
}
_KINDS = (types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType)
_OPERATORS = {name + end: known for known in KNOWN for name in known.calls for end in ("", "_")}
_CLASSES = {name: known for known in KNOWN for name in known.classes}


@dataclass(frozen=True)
class Wanted:
    """What to replace.

    Attributes:
        classes: module classes asked for by themselves.
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
        if isinstance(old, str) and old == "all":
            return cls((), KNOWN)
        classes = tuple(old) if isinstance(old, (tuple, list)) else (old,)
        if not classes or not all(isinstance(c, type) and issubclass(c, nn.Module) for c in classes):
            raise ActsearchError(f"old must be a module class, several in a tuple, or 'all', not {old!r}")
        for kind in classes:
            if kind.__module__.startswith("torch.nn.modules.") and _full_name(kind) not in _CLASSES:
                raise ActsearchError(f"old is no activation but torch's layer {kind.__name__}; name an activation")
        known = dict.fromkeys(_CLASSES[_full_name(c)] for c in classes if _full_name(c) in _CLASSES)
        return cls(tuple(dict.fromkeys(classes)), tuple(known))

    def is_class(self, kind: object) -> bool:
        """Tell whether a module class is wanted: itself, or as a subclass that only inherits a wanted forward."""
        if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
            return False
        for base in kind.__mro__:
            found = _CLASSES.get(_full_name(base))
            if base in self.classes or found in self.known:
                return True
            if found or "forward" in vars(base):
                return False
        return False

    def is_module(self, module: object) -> bool:
        """Tell whether a value is a module to be replaced."""
        return self.is_class(type(module))

    def is_function(self, value: object) -> bool:
        """Tell whether a value is a function to be replaced."""
        return known_function(value) in self.known

    def __str__(self) -> str:
        """Return the names of what is wanted."""
        names = [known.name for known in self.known]
        names += [c.__name__ for c in self.classes if _full_name(c) not in _CLASSES]
        return "known activation" if self.known == KNOWN else " or ".join(names)


def known_class(kind: type) -> Known | None:
    """Return the activation that a module class or one of its bases is, if it is a known one."""
    return next((_CLASSES[name] for name in map(_full_name, kind.__mro__) if name in _CLASSES), None)


def known_module(module: nn.Module) -> str | None:
    """Return the class name of a module that is a known activation or of a subclass of one."""
    return type(module).__name__ if known_class(type(module)) else None


def known_function(value: object) -> Known | None:
    """Return the activation that a function or an operator computes, if it is a known one."""
    if isinstance(value, OpOverload | OpOverloadPacket):
        return known_operator(value)
    return _FUNCTIONS.get(value) if isinstance(value, _KINDS) else None


def functions_of(known: Known) -> tuple[object, ...]:
    """Return torch's functions that compute an activation."""
    return tuple(dict.fromkeys(function for function, computed in _FUNCTIONS.items() if computed is known))


def known_operator(operator: OpOverload | OpOverloadPacket) -> Known | None:
    """Return the activation that one of torch's operators computes, if it is a known one."""
    packet = operator.overloadpacket if isinstance(operator, OpOverload) else operator
    space, _, name = str(packet).partition(".")
    return _OPERATORS.get(name) if space == "aten" else None


def called(value: object) -> str:
    """Return the name of a function or an operator."""
    return getattr(value, "__name__", None) or str(value)


def in_place(value: object) -> bool:
    """Tell whether a known function changes its argument whatever it is asked."""
    return called(value).split(".")[0].endswith("_")


def _full_name(module: type) -> str:
    return f"{module.__module__}.{module.__qualname__}"
