"""``derive``: EAFO on a known activation, step by step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tomlkit
import typer
from rich.padding import Padding
from rich.text import Text

from evaluators.theory.density import Density, parse_density
from evaluators.theory.derivation import Derivation
from evaluators.theory.derivation import derive as derived
from evaluators.theory.entropy import output
from evaluators.theory.quadrature import quadrature, sample
from primitives import BASELINES, ActsearchError, Expression, compile_expression, resolve
from primitives.errors import unknown
from runs.files import put
from search.campaign.loop import check_starters
from search.cli.commands.options import DENSITY_HELP, ExtensionOption
from search.cli.formulas import typed
from search.cli.output import console, to_json
from search.configuration.reading import from_toml, read

_VISIBLE = 0.3
"""The least step of epsilon that a picture shows: at 0.01 the curves cover each other."""
_EPSILON = 0.01
FORMATS = ("text", "json", "latex")


def derive(
    activation: Annotated[str, typer.Argument(metavar="NAME", help="Library name or formula.")],
    input_: Annotated[str, typer.Option("--input", metavar="DENSITY", help=f"{DENSITY_HELP}.")] = "normal",
    epsilon: Annotated[float, typer.Option(help="Initial value of the correction's learnable factor.")] = _EPSILON,
    format_: Annotated[str, typer.Option("--format", help="text, json or latex.")] = "text",
    plot: Annotated[Path | None, typer.Option(help="Draw function, correction and output density.")] = None,
    add: Annotated[Path | None, typer.Option(metavar="CONFIG.toml", help="Append the result to its seeds.")] = None,
    extension: ExtensionOption = None,
) -> None:
    """Derive the entropy-lowering correction of an activation (EAFO), step by step; ReLU gives CRReLU."""
    if format_ not in FORMATS:
        raise ActsearchError(unknown("format", format_, FORMATS))
    if extension:
        from search.loading.extensions import import_extensions

        import_extensions(extension)
    expression, density = typed(activation), parse_density(input_)
    found = derived(expression, density, epsilon)
    if epsilon != _EPSILON and found.corrected is None:
        raise ActsearchError(
            f"--epsilon has no effect: the correction of '{expression.formula}' under the input density '{density}' "
            "vanishes; leave it out, or name another activation or input"
        )
    if add is not None and found.corrected is None:
        raise ActsearchError(
            f"there is nothing to add to '{add}': the correction of '{expression.formula}' under the input density "
            f"'{density}' vanishes; leave out --add, or name another activation or input"
        )
    if plot is not None:
        _draw(found, density, plot)
    notice = [f"plot: {plot}"] if plot is not None else []
    if add is not None and found.corrected is not None:
        notice.append(_add(add, found.corrected))
    if format_ == "json":
        print(to_json(found.to_dict()))
    elif format_ == "latex":
        print(found.latex)
    else:
        _print(found)
    for line in notice:
        console(stderr=format_ != "text").print(line, soft_wrap=True)


def _print(found: Derivation) -> None:
    screen = console()
    screen.print(Text(f"{found.expression.formula} under the input {found.input}", style="bold"))
    for number, step in enumerate(found.steps, start=1):
        screen.print()
        screen.print(Text.assemble((f"{number}. {step.title}. ", "bold"), step.sentence))
        for line in step.equations:
            screen.print(Padding(Text(line.text, style="cyan"), (0, 0, 0, 4), expand=False))
    screen.print()
    result = "none, for the correction vanishes" if found.corrected is None else str(found.corrected)
    screen.print(Text.assemble(("result: ", "bold"), result), soft_wrap=True)


def _draw(found: Derivation, density: Density, path: Path) -> None:
    """Draw the derivation: both signs of epsilon beside the function itself; without a correction that alone."""
    from runs.plots import plot_derivation

    own = found.expression
    low = max(density.centre - 4 * density.scale, density.reach[0])
    high = min(density.centre + 4 * density.scale, density.reach[1])
    x = np.linspace(low, high, 801)
    under = quadrature(density)
    before = sample(own, under)
    body = 0 * own.body if found.correction is None else found.correction.term
    term = compile_expression(Expression(body, own.initial))
    lines: dict[str, tuple[Any, Any]] = {}
    densities: dict[str, tuple[Any, Any]] = {}
    for step, label in _drawn(found).items():
        lines[label] = (x, compile_expression(own).at(x) + step * term.at(x))
        out = output(replace(before, values=before.values + step * term.at(under.nodes)))
        inside = np.abs(out.bins) < 4
        densities[f"{label}: entropy {out.entropy:.4f}"] = (out.bins[inside], out.density[inside])
    correction = None if found.correction is None else (x, found.correction.factor * term.at(x), density.pdf(x))
    plot_derivation(lines, correction, densities, path, _title(found))


def _drawn(found: Derivation) -> dict[float, str]:
    """Return the steps of epsilon that a picture shows and their labels; the one that descends is marked."""
    if found.correction is None:
        return {0.0: found.expression.formula}
    size, signs = max(abs(found.size), _VISIBLE), found.descending
    labels = {0.0: "before"}
    for side in (1, -1):
        mark = " (descends)" if signs.standardised == side else ""
        labels[side * size] = f"{found.parameter} = {side * size:g}{mark}"
    return labels


def _title(found: Derivation) -> str:
    """Return the title of a picture: whether the drawn step is larger than the derived one, and what descends means."""
    title = f"{found.expression.formula} under {found.input}"
    if found.correction is None:
        return f"{title}: the correction vanishes"
    notes = []
    if abs(found.size) < _VISIBLE:
        notes.append(f"drawn at {found.parameter} = ±{_VISIBLE:g} to be seen, it starts at {found.size:g}")
    if found.descending.standardised is not None:
        notes.append("descends: the standardised entropy falls for a small step of that sign")
    return "\n".join([title, "; ".join(notes)]) if notes else title


def _add(path: Path, expression: Expression) -> str:
    """Append an expression to the seeds of a campaign file and return what was done."""
    config = read(path) if path.exists() else from_toml("", str(path))
    same = next((name for name in BASELINES if resolve(name) == expression), None)
    if same is not None:
        return f"{same} is a baseline of every campaign already, so it was not added to {path}"
    launch = f"next: actsearch launch {path}"
    if expression in [resolve(text) for text in config.seeds]:
        return f"'{expression}' is already a seed of {path}, which was left as it is; {launch}"
    document = tomlkit.parse(path.read_text(encoding="utf-8") if path.exists() else "")
    if "seeds" in document:
        document["seeds"].append(str(expression))
    else:
        document.add("seeds", tomlkit.item([str(expression)]))
    text = tomlkit.dumps(document)
    changed = from_toml(text, str(path))
    check_starters(changed)
    assert changed.seeds == (*config.seeds, str(expression))
    put(path, text.encode())
    return f"added to the seeds of {path}: {expression}; {launch}"
