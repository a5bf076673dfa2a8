"""From a configuration to running workers: tasks, executors, and the closing act of a campaign."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit

from evaluators import Executor
from evaluators.task import AnyTask, Recipe
from primitives import ActsearchError, Expression, parse
from runs import Store, comparisons, confirmed, finalists, pareto
from runs.candidate import Candidate
from runs.export import export
from runs.folder import CONFIG, EXPORTS, inside
from runs.plots import plot_front
from runs.provenance import provenance
from search.config import CampaignConfig, Execution, from_toml, parsed
from search.output import console
from search.tables import comparison_table, confirmed_table, front_table, verdicts


def absolute_folder(folder: Path | None) -> str | None:
    """Return a folder's name that means the same from any folder."""
    return None if folder is None else str(folder.expanduser().resolve())


def make_executor(execution: Execution, tasks: Mapping[str, AnyTask]) -> Executor:
    """Start the executor that a configuration names."""
    if execution.executor == "serial":
        from evaluators.serial import SerialExecutor

        return SerialExecutor(tasks, execution.device, execution.cohort)
    from evaluators.ray.executor import RayExecutor

    return RayExecutor(tasks, execution.workers, execution.address, execution.device, execution.cohort)


def settled(
    config: CampaignConfig, labels: Mapping[str, str], extensions: Sequence[str], recipe: Recipe
) -> CampaignConfig:
    """Return a configuration that says everything: tasks and extensions by their labels, steps even where left out."""
    steps = config.fidelity.steps or recipe.steps
    return config.model_copy(
        update={
            "task": labels[config.task],
            "extensions": tuple(extensions),
            "fidelity": config.fidelity.model_copy(update={"steps": steps}),
            "confirm": config.confirm.model_copy(
                update={"tasks": tuple(labels.get(name, name) for name in config.confirm.tasks)}
            ),
        }
    )


def execution_overrides(
    executor: str | None, workers: int | None, address: str | None, device: str | None
) -> dict[str, Any]:
    """Return the given command-line options as a configuration section."""
    chosen = {} if device is None else {"device": device}
    if executor == "serial" and workers is None and address is None:
        return {"executor": "serial", "workers": None, "address": None, **chosen}
    given = {"executor": executor, "workers": workers, "address": address}
    return {key: value for key, value in given.items() if value is not None} | chosen


def default_folder(name: str) -> Path:
    """Return ``campaigns/<date>-<name>``, numbered when that is taken."""
    base = Path("campaigns") / f"{time.strftime('%Y-%m-%d')}-{name}"
    folder, number = base, 1
    while folder.exists():
        number += 1
        folder = base.with_name(f"{base.name}-{number}")
    return folder


def stored_config(store: Store, folder: Path) -> CampaignConfig:
    """Return the configuration a run was started with; the run file is the truth, not the copy beside it."""
    text = store.meta("config")
    copy = folder / CONFIG
    if copy.is_file() and copy.read_text(encoding="utf-8", errors="replace") != text:
        console(stderr=True).print(
            f"note: {copy} differs from the configuration the run was started with; the run keeps the latter"
        )
    return from_toml(_whole(text), f"{folder} (stored configuration)", stored=True)


def stored_extensions(store: Store, folder: Path) -> tuple[str, ...]:
    """Return the extensions a run was started with, by label, read without checking what they may make valid."""
    found = parsed(store.meta("config"), f"{folder} (stored configuration)").get("extensions", [])
    return tuple(str(label) for label in found) if isinstance(found, list) else ()


def _whole(text: str) -> str:
    """Return a stored configuration that says what older versions did where they had no key: nobody was stopped."""
    document = tomlkit.parse(text)
    document.setdefault("fidelity", {}).setdefault("rungs", [])
    return tomlkit.dumps(document)


def find_candidate(store: Store, wanted: str) -> Candidate:
    """Return a candidate by id or a baseline by name.

    Raises:
        ActsearchError: it is not there.
    """
    from primitives.errors import nearest

    candidates = store.candidates()
    for candidate in candidates:
        if wanted in (str(candidate.id), candidate.name) or wanted == f"#{candidate.id}":
            return candidate
    names = [c.name for c in candidates if c.name]
    ids = f"; ids run from 1 to {len(candidates)}" if candidates else "; it has none yet"
    hint = ids if not candidates or re.fullmatch(r"#?\d+", wanted) else nearest(wanted, names)
    raise ActsearchError(f"no candidate '{wanted}' in '{store.path.parent}'{hint}")


def recommended(store: Store, config: CampaignConfig) -> tuple[int, str] | None:
    """Return the finalist to export and why: lowest fresh-seed validation error on the search task.

    Validation decides and the test part is only reported, so choosing among finalists does not
    flatter the test error. Without confirmation it is the first finalist that was trained to the end.
    """
    frame = confirmed(store)
    found = frame[(frame["task"] == config.task) & frame["name"].isna() & frame["test_error"].notna()]
    if not found.empty:
        longest = found[found["steps"] == found["steps"].max()]
        best = int(longest.sort_values(["failed", "validation_error", "id"]).iloc[0]["id"])
        return best, "lowest fresh-seed validation error among the finalists"
    ended = [i for i in finalists(store, 1) if find_candidate(store, str(i)).status == "ok"]
    return (ended[0], "lowest validation error of the search's front, not confirmed yet") if ended else None


def export_candidate(store: Store, folder: Path, candidate: Candidate, name: str) -> str:
    """Return the text of a candidate's torch file with provenance."""
    expression: Expression = parse(candidate.expression)
    gain = candidate.gain or 1.0
    return export(expression, name=name, gain=gain, provenance=provenance(store, folder, candidate))


def print_confirmation(store: Store, config: CampaignConfig) -> None:
    """Print what confirmation says, the search task first, and a verdict for each finalist."""
    out = console()
    results, differences = confirmed(store), comparisons(store)
    keys = sorted(set(zip(results["task"], results["steps"], strict=True)), key=lambda k: (k[0] != config.task, *k))
    parts = [differences[(differences["task"] == t) & (differences["steps"] == s)] for t, s in keys]
    for (task, steps), part in zip(keys, parts, strict=True):
        panel = results[(results["task"] == task) & (results["steps"] == steps)]
        out.print(confirmed_table(panel, task == config.task), "")
        if len(part):
            out.print(comparison_table(part), "")
    for part in parts:
        for line in verdicts(part):
            print(line)


def print_costs(chosen: Sequence[Candidate]) -> None:
    """Print what finalists cost on this machine; it decides nothing."""
    from search.timing_table import measured_costs, timing_table

    if chosen:
        console().print(timing_table(measured_costs([parse(candidate.expression) for candidate in chosen])), "")


def print_outcome(store: Store, folder: Path, config: CampaignConfig) -> None:
    """Print front and confirmation, draw the picture, export the recommended candidate."""
    from runs.front import scored

    out = console()
    title = f"Front of {folder} and the baselines: scores of the search, the best of many, so no evidence"
    out.print(front_table(pareto(store), title), "")
    chosen = [find_candidate(store, str(i)) for i in finalists(store, config.confirm.top)]
    stopped = [f"#{candidate.id}" for candidate in chosen if candidate.status == "stopped"]
    if stopped:
        print(f"{', '.join(stopped)}: stopped by halving, finalists for want of others that were trained to the end\n")
    print_confirmation(store, config)
    if config.confirm.measure:
        print_costs(chosen)
    everything = scored(store)
    if everything.empty:
        return
    picture = inside(folder, "front.png")
    plot_front(everything, picture, f"{config.name}: {config.task}, {config.fidelity.steps} steps, seed {config.seed}")
    print(f"\nplot: {picture}")
    best = recommended(store, config)
    if best is None:
        return
    candidate = find_candidate(store, str(best[0]))
    file = inside(folder, f"{EXPORTS}/act{candidate.id}.py")
    file.write_text(export_candidate(store, folder, candidate, f"Act{candidate.id}"), encoding="utf-8")
    print(f"exported: {file} (#{candidate.id}, {best[1]})")
