"""How surely what is known before training goes with the measured error."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from evaluators.judging.features.catalogue import FEATURES
from evaluators.judging.objectives import spoken
from runs.axes import known
from runs.correlation import Correlation, correlation
from runs.report.markup import Cell, Section, code, count, figure, paragraph, spans, table
from runs.report.material import Material, Trained
from runs.report.plot import FOUND, OTHER, Trace, axis, layout, numbers, plot, said


def section(material: Material) -> Section:
    """Return the correlations, as a picture and as a table."""
    title = "What was known before training, and the error"
    found = correlations(material)
    if not found:
        return Section("features", title, (paragraph("There are too few trainings to judge any feature by."),))
    return Section("features", title, (paragraph(_intro(material)), _picture(found), _table(material, found)))


def correlations(material: Material) -> dict[str, Correlation]:
    """Return the correlation of each feature that candidates keep with their score, those of the theory first."""
    columns: dict[str, tuple[list[float], list[float]]] = {}
    for trained in material.trained:
        score = _score(material, trained)
        for name, value in trained.candidate.facts.items() if score is not None else ():
            values, scores = columns.setdefault(name, ([], []))
            values.append(value)
            scores.append(float(score or 0.0))
    measured = {each.name for each in material.axes} - FEATURES.keys()
    found = {name: correlation(*pair) for name, pair in columns.items() if name not in measured}
    sure = {name: each for name, each in found.items() if each is not None}
    return dict(sorted(sure.items(), key=lambda item: (not _predicts(item[0]), -abs(item[1].rho))))


def _score(material: Material, trained: Trained) -> float | None:
    """Return the first objective at the lowest rung, as the search's own weight sees it.

    Where that compares several tasks, the score of the first stands for it.
    """
    lowest = trained.lowest
    numbers = known(trained.candidate, lowest)
    name = material.axes[0].name
    there = any(name in evaluation.validation for evaluation in lowest)
    own = name if there else material.score(lowest[0].task)
    return numbers.get(own)


def _predicts(name: str) -> bool:
    return name in FEATURES and FEATURES[name].predicts


def _label(name: str) -> str:
    return FEATURES[name].label if name in FEATURES else spoken(name)


def _intro(material: Material) -> str:
    return (
        f"Spearman's rank correlation with the score on {material.task} at the lowest rung, which all trained "
        "functions reached, baselines included: positive means that a low value went with a low error. An interval "
        "that spans zero is no evidence. The functions are not independent of each other, for children are like their "
        "parents, and many features are looked at: among twenty that say nothing, one interval is expected to miss "
        "zero."
    )


def _picture(found: Mapping[str, Correlation]) -> Markup:
    names = [*found][::-1]
    trace: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": numbers(found[name].rho for name in names),
        "y": [said(_label(name), 26) for name in names],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": numbers(found[name].high - found[name].rho for name in names),
            "arrayminus": numbers(found[name].rho - found[name].low for name in names),
            "color": OTHER,
        },
        "marker": {"size": 9, "color": [FOUND[0] if found[name].certain else OTHER for name in names]},
        "hovertext": [said(_sentence(name, found[name])) for name in names],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    shape = layout(
        xaxis=axis("Spearman's correlation", range=[-1, 1], zeroline=True, zerolinewidth=2),
        yaxis=axis("", type="category", tickfont={"size": 11}),
        showlegend=False,
    )
    title = "Blue where the interval does not span zero; the two numbers of the theory stand on top."
    return plot("plot-features", title, [trace], shape, 110 + 30 * len(names))


def _sentence(name: str, found: Correlation) -> str:
    return f"{_label(name)}: {found.rho:+.2f} [{found.low:+.2f}, {found.high:+.2f}] over {found.count:,}"


def _table(material: Material, found: Mapping[str, Correlation]) -> Markup:
    seeds = spans(material.search_seeds)
    rows = [
        [
            Cell(_label(name)),
            code(name),
            figure(each.rho, 3),
            Cell(f"[{each.low:+.3f}, {each.high:+.3f}]", each.low),
            count(each.count),
            Cell(
                "a lower value went with a lower error"
                if each.certain > 0
                else "a higher value went with a lower error"
            )
            if each.certain
            else Cell("no evidence"),
            Cell(seeds, tight=True),
        ]
        for name, each in found.items()
    ]
    heads = ["feature", "name", ">correlation", ">95 % interval", ">functions", "what it says", "seeds"]
    return table("The same as numbers", heads, rows)
