"""An activation as one function of jax that carries its own derivative; parameters are arguments."""

from __future__ import annotations

import sympy

from primitives.emit import INDENT, bracketed, function_source
from primitives.export.exported import Exported
from primitives.export.plain import arguments, file_of
from primitives.expression import Expression
from primitives.module import slopes_source, value_source
from primitives.table import of_function

_MOVED = '''\
def activation_moved(inputs, tangents):
    """Return the value and how it moves; what stands still is left out."""
    value = activation_value(*inputs)
    still = jax.custom_derivatives.SymbolicZero
    pairs = zip(activation_slopes(*inputs), tangents)
    moves = [slope * by for slope, by in pairs if not isinstance(by, still)]
    return value, sum(moves, jnp.zeros_like(value)).astype(value.dtype)


activation_value.defjvp(activation_moved, symbolic_zeros=True)'''


def jax_file(exported: Exported) -> str:
    """Return a file whose function agrees with what was trained to 1e-9, in float32 to 1e-5.

    Its derivative by the input and every parameter is the symbolic one, whatever jax would find in the kernels.
    Half precision is computed in float32 and whole numbers become floats, as torch and numpy files do.
    """
    return file_of(exported, jax_functions(exported))


def jax_functions(exported: Exported) -> list[str]:
    """Return the sources of the functions, helpers first, ``activation`` last."""
    expression = exported.expression
    names = list(expression.parameters)
    value, helpers = value_source(expression, "jax", ["x", *names], "activation_value")
    listed = bracketed("inputs = ", ["x", *names], "").splitlines() if names else ["inputs = (x,)"]
    body = [
        "x = jnp.asarray(x)",
        "kind = jnp.result_type(x, float)",
        "if not jnp.issubdtype(kind, jnp.floating):",
        f'{INDENT}raise TypeError(f"activation takes numbers, not {{kind}}")',
        "wide = jnp.promote_types(kind, jnp.float32)",
        *listed,
        "inputs = [jnp.asarray(each, wide) for each in inputs]",
        "return activation_value(*inputs).astype(kind)",
    ]
    doc = "Return it, elementwise and of the type of x; whole numbers become floats."
    outer = function_source("activation", arguments(exported), doc, body)
    if not sayable(expression):
        return [*helpers, value, outer]
    slopes, slope_helpers = slopes_source(expression, "jax")
    helpers = tuple(dict.fromkeys([*helpers, *slope_helpers]))
    return [*helpers, f"@jax.custom_jvp\n{value}", slopes, _MOVED, outer]


def sayable(expression: Expression) -> bool:
    """Tell whether every function in the slopes has a jax kernel; one of a user's own may lack it."""
    functions = {node.func for slope in expression.slope_kernels.values() for node in slope.atoms(sympy.Function)}
    known = [of_function(function) for function in functions]
    return all(primitive is not None and primitive.jax for primitive in known)
