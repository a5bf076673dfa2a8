"""Known activations as expressions: the baselines of every campaign and the names a user may type."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from primitives.errors import ExpressionError, nearest
from primitives.expression import Expression
from primitives.parser import parse


@dataclass(frozen=True)
class Reference:
    """A published activation: its name, its expression, and where it comes from."""

    name: str
    expression: Expression
    citation: str


_ENTRIES = (
    ("relu", "relu(x)", "Nair & Hinton 2010"),
    ("leaky_relu", "relu(x) + 0.01*(x - relu(x))", "Maas et al. 2013"),
    ("prelu", "relu(x) + alpha*(x - relu(x)); alpha=0.25", "He et al. 2015, arXiv 1502.01852"),
    ("elu", "elu(x)", "Clevert et al. 2015, arXiv 1511.07289"),
    ("gelu", "gelu(x)", "Hendrycks & Gimpel 2016, arXiv 1606.08415"),
    ("silu", "silu(x)", "Elfwing et al. 2017, arXiv 1702.03118"),
    ("mish", "x*tanh(softplus(x))", "Misra 2019, arXiv 1908.08681"),
    ("crrelu", "relu(x) + epsilon*x*gaussian(x); epsilon=0.01", "Sun et al. 2024, arXiv 2405.12954 (EAFO)"),
    ("identity", "x", "classical"),
    ("sigmoid", "sigmoid(x)", "classical"),
    ("tanh", "tanh(x)", "classical"),
    ("atan", "atan(x)", "classical"),
    ("softsign", "softsign(x)", "Turian 2009"),
    ("softplus", "softplus(x)", "Dugas et al. 2001"),
    ("logsigmoid", "logsigmoid(x)", "classical"),
    ("tanhshrink", "x - tanh(x)", "torch.nn.Tanhshrink"),
    ("relu6", "min(6, relu(x))", "Krizhevsky 2010"),
    ("hardtanh", "max(-1, min(1, x))", "Collobert 2004"),
    ("hardsigmoid", "max(0, min(1, x/6 + 0.5))", "torch.nn.Hardsigmoid"),
    ("hardswish", "x*min(6, relu(x + 3))/6", "Howard et al. 2019, arXiv 1905.02244"),
    ("selu", "1.05070098736*relu(x) - 1.75809934085*(1 - exp(-relu(-x)))", "Klambauer et al. 2017, arXiv 1706.02515"),
    ("swish", "x*sigmoid(beta*x); beta=1", "Ramachandran et al. 2017, arXiv 1710.05941"),
    ("squared_relu", "relu(x)**2", "So et al. 2021, arXiv 2109.08668 (Primer)"),
    ("squareplus", "(x + sqrt(x**2 + 4))/2", "Barron 2021, arXiv 2112.11687"),
    ("telu", "x*tanh(exp(x))", "Liu & Di 2020, arXiv 2003.09855 (TanhExp)"),
    ("golu", "x*exp(-exp(-x))", "Das et al. 2025 (GoLU)"),
    ("gcu", "x*cos(x)", "Noel et al. 2021, arXiv 2108.12943"),
    ("snake", "x + sin(alpha*x)**2/alpha; alpha=1", "Ziyin et al. 2020, arXiv 2006.08195"),
    ("lisht", "x*tanh(x)", "Roy et al. 2019, arXiv 1901.05894"),
    ("gelusine", "gelu(x) + 0.1*sin(x)", "Vitvitskyi et al. 2026, arXiv 2602.05688"),
)

BASELINES = ("relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "mish", "crrelu")


@cache
def library() -> dict[str, Reference]:
    """Return the reference activations by name, the baselines first."""
    return {name: Reference(name, parse(text), citation) for name, text, citation in _ENTRIES}


def resolve(text: str) -> Expression:
    """Return the expression that a user means: a library name or a formula.

    Raises:
        ExpressionError: neither; a lone word gets the nearest library name.
    """
    known = library()
    folded = text.strip().lower().replace("-", "_")
    if folded in known and folded not in ("x",):
        return known[folded].expression
    try:
        return parse(text)
    except ExpressionError:
        if text.strip().isidentifier():
            hint = nearest(folded, known) or "; 'actsearch library' lists the names"
            raise ExpressionError(f"'{text.strip()}' is neither a known activation nor a formula{hint}") from None
        raise
