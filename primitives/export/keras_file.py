"""An activation as a layer of Keras 3, in ``keras.ops``, so that it runs on every backend of Keras."""

from __future__ import annotations

import re
from string import Template

from primitives.emit import INDENT, bracketed, bracketed_tuple
from primitives.errors import ActsearchError
from primitives.export.exported import Exported
from primitives.export.plain import file_of
from primitives.module import slopes_source, value_source
from primitives.render import literal

_NAMES = {"jax.scipy.special.erf": "ops.erf", "jax.scipy.special.erfc": "ops.erfc", "jnp.pi": "math.pi"} | {
    f"jax.nn.{theirs}": ours
    for theirs, ours in {
        "elu": "ops.elu",
        "gelu": "ops.gelu",
        "log_sigmoid": "ops.log_sigmoid",
        "mish": "mish",
        "relu": "ops.relu",
        "selu": "ops.selu",
        "sigmoid": "ops.sigmoid",
        "silu": "ops.silu",
        "soft_sign": "ops.softsign",
        "softplus": "ops.softplus",
    }.items()
}
ALIKE = frozenset(
    re.findall(
        r"\w+",
        "abs arccos arccosh arcsin arcsinh arctan arctanh ceil clip cos cosh exp exp2 expm1 floor full_like isnan log "
        "log10 log1p log2 logaddexp maximum minimum mod ones_like power round sign sin sinc sinh sqrt square tan tanh "
        "where zeros_like",
    )
)
"""What ``keras.ops`` calls as ``jax.numpy`` does."""
_OF_JAX = re.compile(r"\b(?:jax|jnp)(?:\.\w+)+")

_MISH = '''\
def mish(x):
    """Return x*tanh(softplus(x))."""
    return x * ops.tanh(ops.softplus(x))
'''

_GRADIENT = '''\
@ops.custom_gradient
def activation(*inputs):
    """Return the value, whose derivative is that of the slopes."""

    def gradients(*given, upstream=None):
        if upstream is None:  # jax and TensorFlow; torch hands the inputs over anew
            (upstream,), given = given, inputs
        pairs = zip(activation_slopes(*given), given)
        return tuple(summed(upstream * slope, each) for slope, each in pairs)

    return activation_value(*inputs), gradients


def summed(product, each):
    """Return a product summed to the shape of an input."""
    lost = len(product.shape) - len(each.shape)
    return ops.sum(product, axis=tuple(range(lost))) if lost else product'''

_CALL = Template("""\
    def call(self, x):
        kind = keras.backend.standardize_dtype(x.dtype)
        kind = kind if "float" in kind else keras.config.floatx()
        wide = "float32" if kind in ("float16", "bfloat16") else kind
$given
        return ops.cast(activation(*(ops.cast(i, wide) for i in inputs)), kind)

    def compute_output_shape(self, input_shape):
        return input_shape""")

_ALONE = Template('''\
@keras.saving.register_keras_serializable(package="actsearch.$key")
class $name(keras.layers.Layer):
    """The activation as a layer; it has nothing to learn."""

$call''')

_LAYER = Template('''\
@keras.saving.register_keras_serializable(package="actsearch.$key")
class $name(keras.layers.Layer):
    """The activation as a layer.

    Args:
$rows
        per_channel: whether each entry of the last dimension learns its own.
        options: as any layer takes them.
    """

$signature
        super().__init__(**options)
$initial
        self.per_channel = per_channel

    def build(self, input_shape):
        shape = (input_shape[-1],) if self.per_channel else ()
        constant = keras.initializers.Constant
$weights

$call

    def get_config(self):
        names = $quoted
        config = {**super().get_config(), "per_channel": self.per_channel}
        return config | dict(zip(names, self.initial))''')


def keras_file(exported: Exported) -> str:
    """Return a file with a ``keras.layers.Layer`` whose learnable parameters are weights.

    Raises:
        ActsearchError: a function in the value or the slopes has no counterpart in ``keras.ops``.
    """
    expression = exported.expression
    value, helpers = value_source(expression, "jax", ["x", *expression.parameters], "activation_value")
    slopes, slope_helpers = slopes_source(expression, "jax")
    sources = [*dict.fromkeys([*helpers, *slope_helpers]), value, slopes]
    translated = [_translated(source, expression.formula) for source in sources]
    own = [_MISH] if any(re.search(r"(?<!\.)\bmish\(", source) for source in translated) else []
    return file_of(exported, [*own, *translated, _GRADIENT, _layer(exported)])


def _translated(source: str, formula: str) -> str:
    """Return source in jax's words in those of ``keras.ops``."""

    def word(found: re.Match[str]) -> str:
        name = found[0]
        if name in _NAMES:
            return _NAMES[name]
        module, _, last = name.rpartition(".")
        if module != "jnp" or last not in ALIKE:
            raise ActsearchError(
                f"keras.ops has no {last}, which '{formula}' or its slope needs; choose another target, such as jax"
            )
        return f"ops.{last}"

    return _OF_JAX.sub(word, source)


def _layer(exported: Exported) -> str:
    initial = exported.expression.initial
    names = [name for name, _ in initial]
    inputs = bracketed_tuple("inputs = ", ["x", *(f"self.{name}" for name in names)], INDENT * 2)
    call = _CALL.substitute(given=inputs)
    key = exported.expression.key[:8]  # so that two files with layers of one name are loaded each as its own
    if not initial:
        return _ALONE.substitute(name=exported.name, key=key, call=call)
    arguments = ["self", *(f"{name}={literal(value)}" for name, value in initial), "*", "per_channel=False"]
    weights = [
        f"{INDENT * 2}initial = constant(self.initial[{place}])\n"
        f'{INDENT * 2}self.{name} = self.add_weight(shape, initial, name="{name}")'
        for place, name in enumerate(names)
    ]
    return _LAYER.substitute(
        name=exported.name,
        key=key,
        rows="\n".join(f"        {name}: initial value of the learnable {name}." for name in names),
        signature=bracketed("def __init__", [*arguments, "**options"], ":", INDENT),
        initial=bracketed_tuple("self.initial = ", names, INDENT * 2),
        weights="\n".join(weights),
        call=call,
        quoted=bracketed_tuple("names = ", [f'"{name}"' for name in names], INDENT * 2)
        .strip()
        .removeprefix("names = "),
    )
