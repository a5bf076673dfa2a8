"""Expression to Python source to ``nn.Module``: the one path from symbol to torch.

The source holds the value, the symbolic slopes, a ``torch.autograd.Function`` that ties them
together and keeps only its inputs for backward, and the module. Training executes exactly the
text that ``export`` writes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.special
import sympy
from numpy.typing import NDArray

from primitives.emit import INDENT, WIDTH, bracketed, bracketed_tuple, code, function_source
from primitives.expression import Expression, X
from primitives.parser import parse
from primitives.render import Dialect, literal
from primitives.table import of_function
from primitives.template import APPLIED_ALONE, BLOCKWISE, CONSTRUCTOR, DESCRIBED, MODULE, NATIVE

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Compiled:
    """What the source generated for an expression defines; each part is made when first asked for.

    Attributes:
        expression: what was compiled.
    """

    expression: Expression

    @cached_property
    def source(self) -> str:
        """The text of the module and its functions, without imports."""
        return module_source(self.expression, "Activation")

    @cached_property
    def module(self) -> type[nn.Module]:
        """The ``nn.Module`` class; calling it makes one activation layer."""
        names = _execute(self.source, self.expression)
        layer: type[nn.Module] = names["Activation"]
        text = str(self.expression)
        layer.__reduce__ = lambda layer: (_blank, (text,), layer.__dict__)  # type: ignore[method-assign, assignment]
        return layer

    @cached_property
    def value(self) -> Callable[..., Tensor]:
        """Plain torch function of ``(x, *parameters)``."""
        source = value_source(self.expression, "torch", _arguments(self.expression))
        function: Callable[..., Tensor] = _single(source, "activation", self.expression)
        return function

    @cached_property
    def slopes(self) -> Callable[..., tuple[Tensor, ...]]:
        """Plain torch function of the same arguments; a tuple of derivatives, ``x`` first."""
        function: Callable[..., tuple[Tensor, ...]] = _single(
            slopes_source(self.expression), "activation_slopes", self.expression
        )
        return function

    @cached_property
    def value_and_slopes(self) -> Callable[..., tuple[Tensor, ...]]:
        """Plain torch function of the same arguments; the value, then the slopes, with shared subexpressions."""
        return derivative_and_slopes(self.expression, 0)

    @cached_property
    def initial(self) -> tuple[Tensor, ...]:
        """The parameters' initial values in float64, as ``value`` and ``slopes`` take them."""
        import torch

        return tuple(torch.tensor(value, dtype=torch.float64) for _, value in self.expression.initial)

    def at(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values at ``x``, in float64 and of its shape, at the initial parameter values."""
        import torch

        outputs: NDArray[np.float64] = self.value(torch.from_numpy(x), *self.initial).expand(x.shape).numpy()
        return outputs

    def slope_at(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivatives by ``x``, in float64 and of its shape, at the initial parameter values."""
        import torch

        slope = self.slopes(torch.from_numpy(x), *self.initial)[0]
        outputs: NDArray[np.float64] = slope.expand(x.shape).numpy()
        return outputs

    @cached_property
    def numpy(self) -> Callable[..., NDArray[Any]]:
        """Plain numpy function of the same arguments."""
        source = value_source(self.expression, "numpy", _arguments(self.expression))
        function: Callable[..., NDArray[Any]] = _single(source, "activation", self.expression)
        return function

    @cached_property
    def jax(self) -> Callable[..., Any]:
        """Plain jax function of the same arguments; needs jax, which is not installed with this package."""
        source = value_source(self.expression, "jax", _arguments(self.expression))
        function: Callable[..., Any] = _single(source, "activation", self.expression)
        return function


@lru_cache(maxsize=4096)
def compile_expression(expression: Expression) -> Compiled:
    """Return what the generated source of an expression defines.

    The text comes from the table of primitives and checked symbols only.

    Example:
        >>> from primitives import compile_expression, parse
        >>> layer = compile_expression(parse("x*sigmoid(beta*x); beta=1.5")).module()
        >>> [name for name, _ in layer.named_parameters()]
        ['beta']
    """
    return Compiled(expression)


@lru_cache(maxsize=1024)
def derivative_and_slopes(expression: Expression, order: int) -> Callable[..., tuple[Tensor, ...]]:
    """Return a plain torch function of ``(x, *parameters)``: a derivative by ``x``, then its slopes.

    The slopes are by ``x`` and each parameter; subexpressions are shared.

    Args:
        expression: whose.
        order: of the derivative, 0 for the value.

    Raises:
        ExpressionError: a primitive does not say its derivative of that order or the next.
    """
    body, arguments = expression.by_x(order), _arguments(expression)
    slopes = expression.slopes_of(body) if order else expression.slopes  # which modules need as well
    expressions = [body, *slopes.values()]
    names = ["value", *(f"d{name}" for name in arguments)]
    source = _several("activation_and_slopes", "Return the value and the slopes.", arguments, expressions, names)
    function: Callable[..., tuple[Tensor, ...]] = _single(source, "activation_and_slopes", expression)
    return function


@lru_cache(maxsize=1024)
def derivative_by_x(expression: Expression, order: int) -> Callable[..., Tensor]:
    """Return a plain torch function of ``(x, *parameters)``: a derivative by ``x`` of an order of 1 or more.

    Raises:
        ExpressionError: a primitive does not say its derivative of that order.
    """
    doc, body = "Return a derivative by x.", expression.by_x(order)
    source = _several("activation_derivative", doc, _arguments(expression), [body], ["value"])
    function: Callable[..., tuple[Tensor]] = _single(source, "activation_derivative", expression)
    return lambda *arguments: function(*arguments)[0]


def derivative_at(expression: Expression, order: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a derivative by ``x`` of an order of 1 or more at the initial parameter values, of the shape of ``x``.

    Raises:
        ExpressionError: a primitive does not say its derivative of that order.
    """
    import torch

    initial = compile_expression(expression).initial
    found = derivative_by_x(expression, order)(torch.from_numpy(x), *initial)
    values: NDArray[np.float64] = found.expand(x.shape).numpy()
    return values


def module_source(expression: Expression, name: str, native: bool = True) -> str:
    """Return the source of the functions and classes for an expression, without imports.

    Args:
        expression: what to write.
        name: the name of the module class, e.g. ``"CRReLU"``.
        native: whether what is one torch function of ``x`` is left to torch.
    """
    value, value_helpers = value_source(expression, "torch", _arguments(expression))
    if native and _is_native(expression):
        functions = "\n\n\n".join([*(helper.rstrip() for helper in value_helpers), value])
        return NATIVE.substitute(name=name, functions=functions, summary=_summary(expression))
    slopes, slope_helpers = slopes_source(expression)
    helpers = [helper.rstrip() for helper in dict.fromkeys([*value_helpers, *slope_helpers])]
    return MODULE.substitute(
        name=name,
        functions="\n\n\n".join([*helpers, value, slopes]),
        blockwise=BLOCKWISE,
        summary=_summary(expression),
        described=_described(expression),
        constructor=_constructor(expression),
        refusal=bracketed(
            "raise TypeError", [f'f"{name} takes floating-point tensors, not {{x.dtype}}"'], "", INDENT * 3
        ),
        applied=_applied(expression),
        tuple="parameters" if expression.parameters else "()",
        passed=", *parameters" if expression.parameters else "",
    )


def _blank(text: str) -> nn.Module:
    """Return an activation without state, for unpickling; the pickle holds the formula and no code."""
    layer = compile_expression(parse(text)).module
    return layer.__new__(layer)


def _is_native(expression: Expression) -> bool:
    """Tell whether the expression is one torch function of ``x``, whose own backward nothing here beats."""
    primitive = of_function(expression.body.func)
    return primitive is not None and primitive.native and expression.body.args == (X,)


def _arguments(expression: Expression) -> list[str]:
    return ["x", *expression.parameters]


def value_source(
    expression: Expression, dialect: Dialect, arguments: list[str], name: str = "activation"
) -> tuple[str, tuple[str, ...]]:
    """Return the source of a function and the sources of the helpers it calls.

    Args:
        expression: what it computes.
        dialect: the language.
        arguments: ``x`` and the parameters, with their default values where wanted.
        name: of the function.
    """
    lines = code([expression.forward], dialect)
    result = as_large_as_x(expression.body, lines.results[0], dialect)
    doc = _sentence(f"Return {expression.formula}, elementwise.", "Return the value, elementwise.")
    return function_source(name, arguments, doc, [*lines.lines(), f"return {result}"]), lines.helpers


def _sentence(text: str, otherwise: str) -> str:
    """Return a text for a docstring of one line, or the other one when it does not fit."""
    return text if len(f'{INDENT}"""{text}"""') <= WIDTH else otherwise


def slopes_source(
    expression: Expression, dialect: Dialect = "torch", name: str = "activation_slopes"
) -> tuple[str, tuple[str, ...]]:
    """Return the source of a function of ``x`` and the parameters that returns the slopes, with the helpers it calls.

    Args:
        expression: whose.
        dialect: ``"torch"`` or ``"jax"``.
        name: of the function.
    """
    arguments = _arguments(expression)
    several = ", ".join(arguments[:-1]) + f" and {arguments[-1]}"
    doc = _sentence(f"Return the derivatives by {several}.", "Return the derivatives by x and each parameter.")
    doc = doc if expression.parameters else "Return the derivative by x in a tuple."
    names = [f"d{name}" for name in arguments]
    return _several(name, doc, arguments, list(expression.slope_kernels.values()), names, dialect)


def _several(
    name: str,
    doc: str,
    arguments: list[str],
    expressions: list[sympy.Expr],
    names: list[str],
    dialect: Dialect = "torch",
) -> tuple[str, tuple[str, ...]]:
    """Write a function that returns several expressions, each a tensor as large as x, with the helpers it calls."""
    lines = code(expressions, dialect)
    results = [as_large_as_x(each, text, dialect) for each, text in zip(expressions, lines.results, strict=True)]
    named = [f"{target} = {result}" for target, result in zip(names, results, strict=True)]
    return function_source(name, arguments, doc, [*lines.lines(), *named, _returned(names)]), lines.helpers


def as_large_as_x(expression: sympy.Expr, text: str, dialect: Dialect) -> str:
    """Return a text whose value has the shape of ``x``, in torch a fresh tensor; numpy's files see to it themselves."""
    if expression == X:
        return "x.clone()" if dialect == "torch" else text
    if X in expression.free_symbols or dialect == "numpy":
        return text
    zeros = "torch.zeros_like(x)" if dialect == "torch" else "jnp.zeros_like(x)"
    return f"{zeros} - {text[1:]}" if text.startswith("-") else f"{zeros} + {text}"


def _returned(items: list[str]) -> str:
    if len(items) == 1:
        return f"return ({items[0]},)"
    line = f"return {', '.join(items)}"
    return line if len(line) <= WIDTH - len(INDENT) else bracketed("return ", items, "", INDENT).strip()


def _summary(expression: Expression) -> str:
    return _sentence(f"Activation {expression.formula}.", "The activation as a module.")


def _described(expression: Expression) -> str:
    if not expression.parameters:
        return ""
    rows = [f"        {name}: initial value of the learnable {name}." for name in expression.parameters]
    return DESCRIBED.substitute(rows="\n".join(rows))


def _constructor(expression: Expression) -> str:
    if not expression.parameters:
        return ""
    names = list(expression.parameters)
    options = ["num_parameters=1", "channel_dim=1", "learnable=True", "device=None", "dtype=None"]
    arguments = ["self", *(f"{name}={literal(value)}" for name, value in expression.initial), "*", *options]
    quoted = [f'"{name}"' for name in names]
    return CONSTRUCTOR.substitute(
        names=bracketed_tuple("activation_parameters = ", quoted, INDENT),
        signature=bracketed("def __init__", arguments, ":", INDENT),
        assignments="\n".join(f"{INDENT * 2}self.{name} = values({name})" for name in names),
        initial=bracketed_tuple("self.initial = ", names, INDENT * 2),
    )


def _applied(expression: Expression) -> str:
    if not expression.parameters:
        return APPLIED_ALONE
    parameters = [f"self.shaped(self.{name}, x)" for name in expression.parameters]
    return bracketed_tuple("parameters = ", parameters, INDENT * 2)


def _single(function: tuple[str, tuple[str, ...]], name: str, expression: Expression) -> Any:
    """Execute one function with its helpers and return it."""
    text, helpers = function
    return _execute("\n\n".join([*helpers, text]), expression)[name]


def _execute(source: str, expression: Expression) -> dict[str, Any]:
    """Execute our own text and return the names it defines; tracebacks name the formula."""
    import torch
    from torch import nn

    filename = f"<actsearch {expression.formula}>"
    names: dict[str, Any] = {
        "torch": torch, "nn": nn, "F": nn.functional, "np": np, "scipy": scipy, "__name__": "actsearch_generated",
    }  # fmt: skip
    if "jnp." in source or "jax." in source:
        jax = importlib.import_module("jax")
        names |= {"jax": jax, "jnp": importlib.import_module("jax.numpy")}
    exec(compile(source, filename, "exec"), names)  # noqa: S102 - our own text, see above
    del names["__name__"]  # torch.compile before torch 2.12 would import a module of that name
    return names
