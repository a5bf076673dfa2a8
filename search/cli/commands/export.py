"""``export``: an activation as a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from evaluators import assess
from primitives import Expression, parse
from primitives.errors import ActsearchError, ExpressionError
from primitives.export.dialects import DIALECTS, export_bytes
from primitives.export.exported import Provenance
from runs import Candidate, Store, reading
from runs.files import put
from runs.finding import find_candidate
from runs.package import check_target, front_ids, package_of, write_package
from runs.provenance import provenance
from runs.user_code import extension_records
from search.cli.commands.options import ExtensionOption, locate
from search.cli.formulas import typed
from search.cli.output import say
from search.loading.extensions import import_extensions


def export(
    run: Annotated[Path | None, typer.Argument(metavar="[RUN]", help="Run folder.")] = None,
    id_: Annotated[str | None, typer.Argument(metavar="[ID]", help="Candidate, or a baseline's name.")] = None,
    expr: Annotated[str | None, typer.Option(help="Export a formula or library name instead of a candidate.")] = None,
    to: Annotated[
        str,
        typer.Option(
            help="torch, timm, transformers, triton, numpy, jax, flax, keras, latex, sympy, onnx or an extension's."
        ),
    ] = "torch",
    name: Annotated[str | None, typer.Option(help="Class name in the file.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File; text is printed when left out, onnx needs one.")
    ] = None,
    extension: ExtensionOption = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Write the whole front of RUN as one package, -o FOLDER.")
    ] = False,
    force: Annotated[bool, typer.Option(help="Replace an existing file.")] = False,
) -> None:
    """Write an activation as a Python file that needs torch and nothing else, or in another language."""
    if all_:
        _refuse_beside_all({"ID": id_, "--expr": expr, "--name": name, "--force": force}, to)
        _export_all(run, output, extension)
        return
    if (expr is None) == (run is None):
        raise ActsearchError("say what to export: either 'export RUN ID' or 'export --expr \"...\"'")
    if output is not None and output.exists() and not force:
        raise ActsearchError(f"'{output}' exists already; --force replaces it")
    if output is None and force:
        raise ActsearchError(
            "--force replaces a file, and none is written without -o FILE; leave it out or name a file"
        )
    if extension:
        import_extensions(extension)
    dialect = DIALECTS[to]
    if name is not None and not dialect.named:
        raise ActsearchError(f"target '{to}' has no class for --name to name; leave it out or use --to torch")
    if output is None and dialect.binary:
        raise ActsearchError(
            f"target '{to}' is no text and cannot be printed; name a file with -o act.{dialect.suffix}"
        )
    module = output.stem if output is not None else None
    content = _from_expression(expr, to, name, module) if expr is not None else _from_run(run, id_, to, name, module)
    if output is None:
        say(content.decode(), end="")
        return
    put(output, content)
    print(f"wrote {output}")


def _refuse_beside_all(given: Mapping[str, object], to: str) -> None:
    """Refuse what says nothing of a whole front."""
    if said := [option for option, value in given.items() if value]:
        raise ActsearchError(f"--all exports the whole front, and {said[0]} has no effect on that; leave it out")
    if to != "torch":
        DIALECTS[to]  # an unknown one is told as such
        raise ActsearchError(f"--all writes a package of torch modules, not --to {to}; export one candidate at a time")


def _export_all(run: Path | None, output: Path | None, extension: list[str] | None) -> None:
    """Write the front of a run as a package."""
    if run is None or output is None:
        raise ActsearchError("say which run and where to: actsearch export RUN --all -o FOLDER")
    check_target(output)
    if extension:
        import_extensions(extension)
    folder = locate(run)
    with reading(folder) as store:
        ids = front_ids(store)
        if not ids:
            raise ActsearchError(f"'{folder}' has nothing to export: its front has no function but baselines")
        found = {i: _expression(store, folder, find_candidate(store, str(i))) for i in ids}
        files = package_of(store, folder, output.name, found)
    write_package(files, output)
    print(f"wrote {output}: {', '.join(f'Act{i}' for i in found)}")


def _from_expression(expr: str, to: str, name: str | None, module: str | None) -> bytes:
    expression = typed(expr)
    found = assess(expression)
    if found.rejection and DIALECTS[to].layer and not found.straight:
        raise ActsearchError(f"'{expr}' is no usable activation: {found.rejection}")
    note = Provenance(("Written by actsearch from a formula; nothing was trained.",))
    return export_bytes(
        expression, to, name=name or "Activation", gain=found.gain or 1.0, provenance=note, module=module
    )


def _from_run(run: Path | None, id_: str | None, to: str, name: str | None, module: str | None) -> bytes:
    assert run is not None
    if id_ is None:
        raise ActsearchError(f"say which candidate: 'actsearch export {run} ID'; 'actsearch pareto {run}' lists ids")
    folder = locate(run)
    with reading(folder) as store:
        candidate = find_candidate(store, id_)
        if candidate.status == "rejected":
            raise ActsearchError(f"candidate {candidate.id} was rejected ({candidate.reason}) and cannot be exported")
        return export_bytes(
            _expression(store, folder, candidate),
            to,
            name=name or f"Act{candidate.id}",
            gain=candidate.gain or 1.0,
            provenance=provenance(store, folder, candidate),
            module=module,
        )


def _expression(store: Store, folder: Path, candidate: Candidate) -> Expression:
    """Return what to export, or say which extension it needs."""
    try:
        return parse(candidate.expression)
    except ExpressionError as error:
        extensions = extension_records(store)
        if not extensions:
            raise
        names = " ".join(f"--extension {label}" for label in extensions)
        raise ExpressionError(
            f"{error}; the run was made with an extension, which is code and which 'export' imports when you name it: "
            f"actsearch export {folder} {candidate.id} {names}"
        ) from error
