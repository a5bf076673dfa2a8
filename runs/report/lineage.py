"""Where finalists come from: each a tree of formulas, with the operators between them."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from runs.candidate import Candidate
from runs.report.markup import Section, fixed, paragraph, text
from runs.report.material import Material

_MOST = 150
"""Ancestors of a finalist that are shown."""
_DEEPEST = 40
_OPEN = 3
"""Generations that are open from the start."""


def section(material: Material) -> Section:
    """Return a tree a finalist."""
    found = [_tree(material, material.candidates[i]) for i in material.finalists]
    intro = paragraph("Each function with the operator that made it, and below it what it was made from.")
    return Section("lineage", "Lineage of the finalists", (intro, *found))


def _tree(material: Material, root: Candidate) -> Markup:
    """Return a finalist's ancestors; who was shown already is named and not unfolded again."""
    shown: set[int] = set()
    inner = _node(material, root, shown, 0)
    everyone = set(_ancestors(material, root))
    left = len(everyone - shown)
    note = paragraph(f"{left:,} older ancestors are left out.", note=True) if left > 0 else Markup("")
    return Markup('<div class="scroll" tabindex="0"><ul class="tree">{}</ul></div>{}').format(inner, note)


def _node(material: Material, candidate: Candidate, shown: set[int], depth: int) -> Markup:
    again = candidate.id in shown
    shown.add(candidate.id)
    label = _label(material, candidate)
    parents = [material.candidates[i] for i in dict.fromkeys(candidate.parents) if i in material.candidates]
    if again and parents:
        return Markup("<li>{} <small>(above)</small></li>").format(label)
    if depth >= _DEEPEST:
        parents = []
    children = Markup("").join(
        _node(material, parent, shown, depth + 1) for parent in parents if len(shown) < _MOST or parent.id in shown
    )
    if not children:
        return Markup("<li>{}</li>").format(label)
    opened = Markup(" open") if depth < _OPEN else Markup("")
    return Markup("<li><details{}><summary>{}</summary><ul>{}</ul></details></li>").format(opened, label, children)


def _label(material: Material, candidate: Candidate) -> Markup:
    axis = material.axes[0]
    score = material.first.get(candidate.id)
    said = f"{axis.label} {fixed(score, axis.digits)}" if score is not None else candidate.status
    name = f"{candidate.name}: " if candidate.name else ""
    return Markup("<b>#{}</b> <i>{}</i> <code>{}{}</code> <small>{}</small>").format(
        candidate.id, text(candidate.origin), text(name), text(candidate.expression), text(said)
    )


def _ancestors(material: Material, root: Candidate) -> Iterator[int]:
    """Yield the ids of all ancestors and of the root; a run that says somebody is his own ancestor ends too."""
    todo, known = [root.id], {root.id}
    while todo:
        identifier = todo.pop()
        yield identifier
        for parent in material.candidates[identifier].parents:
            if parent in material.candidates and parent not in known:
                known.add(parent)
                todo.append(parent)
