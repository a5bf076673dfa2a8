"""What the trainings of an earlier run teach a new campaign, or why only its formulas are taken over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluators import Evaluation
from evaluators.judging.objectives import chosen_objectives
from evaluators.training.cohort.halving import points_of
from evaluators.training.status import TRAINED
from primitives import BASELINES, ActsearchError
from primitives.registries import made
from runs import Store
from runs import folder as folders
from runs.candidate import Candidate
from runs.lessons import Lesson, lessons_of
from runs.user_code import TaskRecord, task_records
from search.configuration.config import CampaignConfig
from search.loading.run import stored_config
from search.loading.tasks import base_label
from search.space.grammar import Grammar
from search.strategies.catalogue import STRATEGIES
from search.strategies.strategy import Strategy


@dataclass(frozen=True)
class Taught:
    """What a run teaches.

    Attributes:
        lessons: of its candidates, in the order in which their trainings finished, baselines left out.
        why_not: why there are none, in a clause; empty where there may be some.
    """

    lessons: tuple[Lesson, ...] = ()
    why_not: str = ""


def taught_by(folder: Path, config: CampaignConfig, record: TaskRecord) -> Taught:
    """Return what the trainings of a run teach a campaign that trains the same task in the same way.

    Args:
        folder: of the run.
        config: of the campaign, with steps and score settled.
        record: of its task.

    Raises:
        ActsearchError: the run cannot be read.
    """
    grammar = Grammar(config.drawn)
    strategy = made(STRATEGIES, config.strategy.name, Strategy, grammar, config.strategy)
    if strategy.choice is None:
        return Taught(why_not=f"strategy '{config.strategy.name}' has no model that trainings could teach")
    with folders.reading(folder) as store:
        if reason := _difference(store, folder, config, record):
            return Taught(why_not=reason)
        return Taught((*_inherited(store, config, grammar), *_own(store, config, grammar)))


def _difference(store: Store, folder: Path, config: CampaignConfig, record: TaskRecord) -> str | None:
    """Return in a clause what the run did otherwise than the campaign will, or ``None``."""
    try:
        earlier = stored_config(store, folder)
    except ActsearchError as error:
        return f"its configuration cannot be read here ({error})"
    if earlier.tasks or config.tasks:
        return "scores of several tasks are relative to baselines of their own run"
    if base_label(earlier.task) != base_label(config.task):
        return f"it trained on {earlier.task}, and this campaign trains on {config.task}"
    known = task_records(store).get(earlier.task)
    if known is None:
        return f"it does not say what its task {earlier.task} was made of"
    if reason := known.made_of.difference(record.made_of):
        return f"its task {earlier.task} was another version: {reason}"
    pairs = {
        "score": (earlier.goes_by, config.goes_by),
        "objectives": (list(earlier.objectives), list(config.objectives)),
        **{f"fidelity.{key}": _both(earlier, config, key) for key in ("steps", "seeds", "rung_steps")},
    }
    for key, (old, new) in pairs.items():
        if old != new:
            return f"its {key} was {old}, and that of this campaign is {new}"
    return None


def _both(earlier: CampaignConfig, config: CampaignConfig, key: str) -> tuple[object, object]:
    return getattr(earlier.fidelity, key), getattr(config.fidelity, key)


def _own(store: Store, config: CampaignConfig, grammar: Grammar) -> list[Lesson]:
    """Return what the run trained itself, in the order of finishing; the baselines are trained anew anyway."""
    candidates = {candidate.id: candidate for candidate in store.candidates()}
    found: dict[int, list[Evaluation]] = {}
    for evaluation in store.evaluations("search", lean=True):
        found.setdefault(evaluation.candidate, []).append(evaluation)
    lessons = []
    for identifier, evaluations in found.items():
        candidate = candidates.get(identifier)
        if candidate is not None and candidate.name not in BASELINES:
            lessons.append(_lesson(candidate, evaluations, config, grammar))
    return [lesson for lesson in lessons if lesson is not None]


def _lesson(
    candidate: Candidate, evaluations: Sequence[Evaluation], config: CampaignConfig, grammar: Grammar
) -> Lesson | None:
    """Return what a candidate teaches; ``None`` of one that failed by chance, as by a timeout."""
    points: Mapping[int, tuple[float, ...]] = {}
    if candidate.status in TRAINED:
        objectives = chosen_objectives(config.objectives, config.goes_by)
        try:
            points = points_of(evaluations, config.fidelity.seeds, objectives, candidate.facts)
        except ActsearchError:
            return None
    elif candidate.status != "diverged":
        return None
    genotype = _readable(candidate.genotype, grammar)
    return Lesson(candidate.expression, genotype, candidate.mark, points, config.fidelity.whole)


def _inherited(store: Store, config: CampaignConfig, grammar: Grammar) -> list[Lesson]:
    """Return what the run was taught itself."""
    return [
        Lesson(each.expression, _readable(each.genotype, grammar), each.mark, each.points, each.whole)
        for each in lessons_of(store, len(config.objectives))
    ]


def _readable(genotype: str | None, grammar: Grammar) -> str | None:
    """Return a tree if it is one of a grammar."""
    try:
        return genotype and grammar.dumps(grammar.loads(genotype))
    except ActsearchError:
        return None
