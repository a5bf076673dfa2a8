"""What a person should know before a campaign starts: recipes, needs, blunt scores, what trains one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from evaluators.judging.objectives import SCORE, chosen_objectives, spoken
from evaluators.tasks.agreement import warning
from evaluators.training.cohort.trainer import why_not_stacked
from evaluators.training.pieces import is_here, pick_device
from evaluators.training.task import AnyTask
from primitives.reading.reading import understood
from search.configuration.config import CampaignConfig
from search.configuration.layers import Layers
from search.session.recorded import scores_of_tasks


def notes(
    asked: Layers, given: CampaignConfig, settled: CampaignConfig, tasks: Mapping[str, AnyTask]
) -> tuple[str, ...]:
    """Return a line each.

    Args:
        asked: where each key is from.
        given: the configuration before tasks were looked at.
        settled: the one that the run remembers.
        tasks: by label.
    """
    return (
        *_meant(settled),
        *_recipes(asked, settled, tasks),
        *_needs(given, settled),
        *_blunt(scores_of_tasks(tasks, settled), settled),
        *_unstacked(tasks, settled.execution.device),
    )


def _meant(settled: CampaignConfig) -> Iterator[str]:
    """Say what formulas are taken for that could mean something else."""
    for text in (*settled.baselines, *settled.seeds):
        for note in understood(text).notes:
            yield f"in '{text}': {note}"


def _needs(asked: CampaignConfig, settled: CampaignConfig) -> Iterator[str]:
    """Say what the task needs of functions beyond what was wished for."""
    tasks = " and ".join(settled.searched)
    added = [name for name in settled.wishes.properties if name not in asked.wishes.properties]
    if added:
        yield f"{tasks}: functions must be {' and '.join(added)}; baselines need not be"
    if settled.wishes.input_scale != asked.wishes.input_scale:
        scale = f"{settled.wishes.input_scale:g}"
        yield f"{tasks}: functions are screened at inputs of standard deviation {scale}, too"


def _unstacked(tasks: Mapping[str, AnyTask], device: str) -> Iterator[str]:
    """Say which tasks train one candidate after another, and why, as seen from this machine."""
    place = pick_device(device)
    for name, task in tasks.items() if is_here(place) else ():
        if reason := why_not_stacked(task, place):
            yield f"{name} trains one candidate after another: {reason}"


def _blunt(scores: Mapping[str, str], settings: CampaignConfig) -> Iterator[str]:
    """Say which tasks are known to be no evidence by the score and the number of seeds that they are used with."""
    for name, score in scores.items():
        seeds = [settings.fidelity.seeds] if name in settings.searched else []
        seeds += [settings.confirm.seeds] if settings.confirm.automatic and name in settings.confirm_tasks else []
        if reason := warning(name, score, min(seeds)):
            yield f"note: {reason}"


def _recipes(asked: Layers, settings: CampaignConfig, tasks: Mapping[str, AnyTask]) -> Iterator[str]:
    """Say which steps, rate and batch apply to which training, and why."""
    steps_of = asked.said_by("fidelity", "steps")
    scores = scores_of_tasks(tasks, settings)
    for name, steps in zip(settings.searched, (settings.fidelity.whole, *settings.fidelity.further), strict=True):
        score = chosen_objectives((SCORE,), scores[name])[0].label
        yield _recipe_line("search", tasks[name], steps, steps_of, score)
    if settings.confirm.automatic:
        for name in settings.confirm_tasks:
            said = asked.said_by("confirm", "steps")
            steps = settings.confirm.steps or tasks[name].recipe.steps
            yield _recipe_line("confirmation", tasks[name], steps, said, f"test {spoken(scores[name])}")


def _recipe_line(what: str, task: AnyTask, steps: int, said_by: str | None, score: str) -> str:
    own = task.recipe.steps
    why = "its recipe" if said_by is None else f"{said_by}; its recipe has {own}"
    return (
        f"{what} on {task.name} by {score}: {steps} steps ({why}), batches of {task.recipe.batch_size} "
        f"and learning rate {task.recipe.learning_rate:g} (its recipe)"
    )
