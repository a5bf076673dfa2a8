"""The page: all sections in one file, with the library that draws, and nothing that is loaded from elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from primitives.errors import ActsearchError
from primitives.text import printable
from runs.files import write_whole
from runs.folder import database, inside, reading
from runs.report import (
    again,
    costs,
    curves,
    evidence,
    features,
    filters,
    front,
    learning,
    lineage,
    operators,
    search,
    summary,
)
from runs.report.markup import Section
from runs.report.material import Material
from runs.snapshot import Snapshot

FILE = "report.html"
RELOAD = 30
"""Seconds after which the page of a campaign that goes on loads itself anew."""
MARK = Markup('<meta name="generator" content="actsearch report">')
"""By which a report is known from other files."""
RUNNING = ("searching", "confirming")
"""States of a campaign that somebody runs."""

SECTIONS: tuple[Callable[[Material], Section], ...] = tuple(
    module.section
    for module in (
        *(summary, front, curves, evidence, costs, search, learning, lineage),
        *(features, operators, filters, again),
    )
)
"""In the order of the page."""


def page(material: Material) -> str:
    """Return a run as a page.

    Raises:
        ActsearchError: the run file holds something that is not ours.
    """
    from plotly.offline import get_plotlyjs

    environment = Environment(loader=PackageLoader("runs.report", "."), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("page.html").render(
        mark=MARK,
        name=printable(material.folder.name),
        sections=[section(material) for section in SECTIONS],
        made=time.strftime("%Y-%m-%d %H:%M:%S %z"),
        state=material.state,
        reload=RELOAD if material.state in RUNNING else 0,
        style=_ours("page.css"),
        script=_ours("page.js"),
        plotly=Markup(get_plotlyjs()),  # noqa: S704  (the library's own)
    )


def _ours(name: str) -> Markup:
    return Markup(resources.files("runs.report").joinpath(name).read_text(encoding="utf-8"))  # noqa: S704


def write_report(folder: Path, output: Path | None = None) -> Path:
    """Read a run and write its report, all of it or nothing.

    Args:
        folder: of the run; its writer may go on meanwhile.
        output: the file; ``report.html`` in the run folder when ``None``.

    Raises:
        ActsearchError: it is not a run, a row of it is not ours, a link leads out of it, the file is there and is no
            report, or it cannot be written.
    """
    database(folder)  # says what a user has mistyped, before anything is made there
    file = inside(folder, FILE) if output is None else output
    _check_ours(file)
    with reading(folder) as store:
        text = page(Material(folder, Snapshot(store)))
    try:
        write_whole(file, text.encode())
    except OSError as error:
        raise ActsearchError(
            f"cannot write the report '{file}': {error.strerror or error}; choose a writable place with -o"
        ) from error
    return file


def _check_ours(file: Path) -> None:
    """Refuse to replace what is no report.

    Raises:
        ActsearchError: that is so.
    """
    if file.is_dir():
        raise ActsearchError(f"cannot write the report '{file}': it is a folder; name a file with -o")
    try:
        with file.open("rb") as found:
            ours = MARK.encode() in found.read(1000)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ActsearchError(f"cannot replace '{file}': {error.strerror}; choose another place with -o") from error
    if not ours:
        raise ActsearchError(f"'{file}' exists already and is no report of actsearch; name another file with -o")
