"""What each primitive costs, measured: where the costs of ``primitives/table.py`` come from.

``python -m search.studies.cost_calibration`` writes ``cost_calibration.csv`` beside this file;
with ``--check`` it measures library functions, none of them a primitive alone, against the model.

A primitive is evaluated eight times in one kernel, at shifted inputs whose results are added up;
the same kernel without the primitive is subtracted. So neither calls nor memory count, and what is
left is the time of one evaluation, in those of one multiplication (a chain of 16, likewise). The
slope of a primitive is spelled with primitives too, and the model counts them. The columns without
a suffix are medians over three thirds of the rounds, in each the least; ``_low`` and ``_high`` are
the least and largest third. The committed file: one core of an x86-64 machine with AVX-512, 65,536
float32 elements, torch.compile's C++ kernels; in eager mode each unit is a pass over memory. The last sixteen rows were
measured on a machine without AVX-512, two evaluations in a kernel, and multiplied by 0.49 (eager 1.39), the median
ratio of nine functions that were measured on both.
"""

from __future__ import annotations

import argparse
import os
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sympy
import torch
from scipy.stats import spearmanr
from torch import Tensor

from evaluators.instruments.timing import Mode, interleaved, measure_cost
from evaluators.judging.cost import cost
from primitives import Expression, all_primitives, compile_expression, library
from primitives.expression import X
from primitives.lowering import capped_exp
from primitives.registry import of_function

FILE = Path(__file__).with_name("cost_calibration.csv")
ELEMENTS = 2**16
COPIES, CHAIN = 8, 16
_Y = sympy.Symbol("alpha")
_CPU = torch.device("cpu")
_LINE = Expression(X / 2)
Function = Callable[[Tensor, Tensor], Tensor]


def functions() -> dict[str, Any]:
    """Return what is measured: sympy expressions in ``x``, and in ``alpha`` as the second argument."""
    found: dict[str, Any] = {"addition": X + _Y, "division": _Y / X, "root": sympy.sqrt(X), "power": X**_Y}
    for primitive in all_primitives():
        if primitive.function is not None:
            body = primitive.function(*(X, _Y, _Y)[: primitive.arity])
            found[primitive.name] = body
            found |= {each.name: each.function(X) for each in _auxiliaries(body)}
    return found | {"capped_exp": capped_exp(X)}


def _auxiliaries(body: sympy.Expr) -> Iterator[Any]:
    """Yield the entries that only the slope of a primitive mentions."""
    known = {primitive.function for primitive in all_primitives()}
    for node in body.diff(X).atoms(sympy.Function):
        if node.func not in known and (entry := of_function(node.func)) is not None:
            yield entry


def domain(name: str) -> str:
    """Return where a function of the list is real."""
    domains = {p.name: p.domain for p in all_primitives()} | {"root": "positive", "power": "positive"}
    return domains.get(name, "real")


def evaluation(body: sympy.Expr) -> Function:
    """Return the generated torch function of ``x`` and a second argument."""
    expression = Expression(body)
    value = compile_expression(expression).value
    return value if expression.parameters else lambda x, _: value(x)


def chain(x: Tensor, _: Tensor) -> Tensor:
    """Multiply sixteen times."""
    for factor in np.linspace(0.9, 1.1, CHAIN):
        x = x * float(factor)
    return x


def kernel(function: Function, mode: Mode) -> Function:
    """Return a kernel that adds up the function at eight shifted inputs."""

    def total(x: Tensor, y: Tensor) -> Tensor:
        terms = [function(x + (at + 1) / 16, y) for at in range(COPIES)]
        while len(terms) > 1:
            terms = [one + other for one, other in zip(terms[::2], terms[1::2], strict=True)]
        return terms[0]

    # Kernels that share one code object would count as recompilations of one function.
    alone = types.FunctionType(total.__code__.replace(), total.__globals__, None, None, total.__closure__)
    return torch.compile(alone, fullgraph=True, dynamic=False) if mode == "compiled" else alone


def measure_primitives(mode: Mode, rounds: int) -> pd.DataFrame:
    """Return each evaluation in multiplications with its spread, one row a function."""
    normal, y = torch.randn(2, ELEMENTS, generator=torch.Generator().manual_seed(0))
    inside = {"real": normal, "between -1 and 1": normal.tanh(), "above 1": normal.abs() + 1.1}
    inputs = {name: inside.get(domain(name), normal.abs() + 0.1) for name in functions()}
    measured = {name: (evaluation(body), inputs[name]) for name, body in functions().items()}
    panel = {"nothing": (lambda x, _: x, normal), "multiplication": (chain, normal), **measured}
    calls = []
    for function, x in panel.values():
        call = kernel(function, mode)
        calls.append(lambda call=call, x=x: call(x, y.abs() + 0.5 if x is not normal else y))
    with torch.no_grad():
        for call in calls:
            call()
        seconds = interleaved(calls, rounds, _CPU)
    # The least is what the machine needs, and whatever else it does only adds; thirds of the rounds show the spread.
    least = np.array([third.min(axis=0) for third in np.array_split(seconds, 3)])
    spent = (least - least[:, :1]) / COPIES
    costs = np.sort(spent[:, 2:] / (spent[:, 1:2] / CHAIN), axis=0)
    columns = {f"{mode}{suffix}": costs[at] for at, suffix in ((1, ""), (0, "_low"), (2, "_high"))}
    return pd.DataFrame(columns, index=pd.Index(list(measured), name="name")).round(2)


def held_out() -> dict[str, Expression]:
    """Return library functions of several operations, which the calibration knows nothing of."""
    expressions = {name: each.expression for name, each in library().items()}
    several = {name: each for name, each in expressions.items() if of_function(each.body.func) is None}
    return {name: each for name, each in several.items() if cost(each) > cost(_LINE)}


def check(rounds: int) -> pd.DataFrame:
    """Return cost and measured microseconds of forward and backward of held-out functions, compiled.

    The model predicts the time of a straight line, which calls, memory and the incoming gradient
    take, plus the cost in units of the one number that is fitted here, the median over the
    functions. ``ratio`` is measured over predicted.
    """
    panel = {"line": _LINE, **held_out()}
    timings = measure_cost(list(panel.values()), _CPU, (ELEMENTS,), ("compiled",), rounds)
    rows = {
        name: (cost(expression), 1e6 * timing.seconds.least)
        for (name, expression), timing in zip(panel.items(), timings, strict=True)
        if timing.seconds is not None
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["cost", "microseconds"])
    line = frame.microseconds["line"]
    frame = frame.drop(index="line")
    unit = ((frame.microseconds - line) / frame.cost).median()
    return frame.assign(ratio=frame.microseconds / (line + unit * frame.cost)).sort_values("ratio")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the file, or measure and check the model."""
    parser = argparse.ArgumentParser(prog="python -m search.studies.cost_calibration", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare the model with library functions instead")
    parser.add_argument("--rounds", type=int, default=60, help="passes over everything (60)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if options.check:
        found = check(options.rounds)
        print(found.round(2).to_string())
        print(f"Spearman of cost and time over {len(found)}: {spearmanr(found.cost, found.microseconds)[0]:.3f}")
        print(f"measured over predicted: {found.ratio.describe(percentiles=[0.05, 0.5, 0.95]).round(2).to_dict()}")
        return
    modes: tuple[Mode, ...] = ("compiled", "eager")
    first, second = (measure_primitives(mode, options.rounds) for mode in modes)
    first.join(second).to_csv(FILE)
    print(f"wrote {FILE}; set the costs of primitives/table.py and evaluators/judging/cost.py to its column 'compiled'")


if __name__ == "__main__":
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    main()
