"""An activation as a module of Flax NNX, around the functions of the jax file."""

from __future__ import annotations

from string import Template

from primitives.emit import INDENT, bracketed
from primitives.export.exported import Exported
from primitives.export.jax_file import jax_functions
from primitives.export.plain import file_of
from primitives.render import literal

_ALONE = Template('''\
class $name(nnx.Module):
    """The activation as a module; it has nothing to learn."""

    def __init__(self, *, rngs=None):
        pass

    def __call__(self, x):
        return activation(x)''')

_MODULE = Template('''\
class $name(nnx.Module):
    """The activation as a module.

    Args:
$rows
        num_parameters: 1 for one value a layer, or the size of the last dimension.
        param_dtype: of the values.
        rngs: as any module takes them; nothing is drawn.
    """

$signature
        shape = () if num_parameters == 1 else (num_parameters,)
$assignments

    def __call__(self, x):
$call''')


def flax_file(exported: Exported) -> str:
    """Return a file with a ``flax.nnx.Module`` whose learnable parameters are ``nnx.Param``.

    Its derivatives are those of the jax file.
    """
    return file_of(exported, [*jax_functions(exported), _module(exported)])


def _module(exported: Exported) -> str:
    initial = exported.expression.initial
    if not initial:
        return _ALONE.substitute(name=exported.name)
    names = [name for name, _ in initial]
    options = ["*", "num_parameters=1", "param_dtype=jnp.float32", "rngs=None"]
    arguments = ["self", *(f"{name}={literal(value)}" for name, value in initial), *options]
    values = [f"nnx.Param(jnp.full(shape, {name}, param_dtype))" for name in names]
    given = ["x", *(f"self.{name}[...]" for name in names)]
    return _MODULE.substitute(
        name=exported.name,
        rows="\n".join(f"        {name}: initial value of the learnable {name}." for name in names),
        signature=bracketed("def __init__", arguments, ":", INDENT),
        assignments="\n".join(f"{INDENT * 2}self.{n} = {value}" for n, value in zip(names, values, strict=True)),
        call=bracketed("return activation", given, "", INDENT * 2),
    )
