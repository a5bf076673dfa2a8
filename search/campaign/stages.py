"""Several tasks, one after the other: where a candidate stands, and its scores relative to the baselines'.

A score of one task cannot be compared with one of another. So each is divided by the mean of the baselines' on the
same seed of the same task: 1 is as good as they are, 0.5 has half the error.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from evaluators import Evaluation
from primitives import ActsearchError
from runs.scores import FORMER
from search.configuration.config import CampaignConfig


@dataclass(frozen=True)
class Stage:
    """A task of the search.

    Attributes:
        task: by name.
        steps: of a whole training.
        score: what it goes by.
    """

    task: str
    steps: int
    score: str


def stages_of(config: CampaignConfig, scores: Mapping[str, str]) -> tuple[Stage, ...]:
    """Return the tasks of a campaign in the order in which a candidate is trained on them.

    Args:
        config: with everything settled.
        scores: what each task goes by.

    Raises:
        ActsearchError: not everything is settled.
    """
    try:
        first = Stage(config.task, config.fidelity.whole, config.goes_by)
    except ValueError as error:
        raise ActsearchError(
            f"the configuration of the run is not whole ({error}); was the run file edited?"
        ) from error
    later = zip(config.tasks[1:], config.fidelity.further, strict=True)
    return first, *(Stage(name, steps, scores.get(name, FORMER)) for name, steps in later)


class Yardstick:
    """What the baselines score on each task, by seed; of a task it is known once all have been trained on it."""

    def __init__(self, stages: Sequence[Stage], seeds: int) -> None:
        self._stages, self._seeds = tuple(stages), seeds
        self._scores: dict[tuple[str, int], dict[int, float]] = defaultdict(dict)
        self._done: dict[int, int] = {}

    def add(self, baseline: int, evaluations: Sequence[Evaluation]) -> None:
        """Take in all that is known of a baseline; one that failed on a task has no part in it.

        Raises:
            ActsearchError: a score cannot be compared: it is missing or below 0.
        """
        self._done[baseline] = len(self._stages) if failed(evaluations) else whole_stages(self._stages, evaluations)
        for stage in self._stages:
            for each in of_stage(stage, evaluations, self._seeds).get(stage.steps, ()):
                self._scores[stage.task, each.seed][baseline] = _score(stage, each)

    def end(self, baseline: int) -> None:
        """Wait no longer for a baseline that cannot be judged."""
        self._done[baseline] = len(self._stages)

    def knows(self, baselines: Iterable[int], stages: int) -> bool:
        """Tell whether all of some baselines are through with so many tasks."""
        return all(self._done.get(baseline, 0) >= stages for baseline in baselines)

    def relative(self, stage: Stage, evaluations: Sequence[Evaluation]) -> float:
        """Return a score relative to the baselines', mean over the seeds.

        Args:
            stage: the task.
            evaluations: on it, of the same steps, one a seed.

        Raises:
            ActsearchError: a score cannot be compared, or every baseline failed or has 0.
        """
        return fmean(self._of_seed(stage, each) for each in evaluations)

    def worst(self, stage: Stage) -> float:
        """Return the relative score of the worst baseline; infinite where there is none."""
        baselines = {baseline for seed in range(self._seeds) for baseline in self._scores[stage.task, seed]}
        means = [
            fmean(scores[baseline] / fmean(scores.values()) for scores in per_seed)
            for baseline in baselines
            if (per_seed := [s for seed in range(self._seeds) if baseline in (s := self._scores[stage.task, seed])])
        ]
        return max(means, default=float("inf"))

    def _of_seed(self, stage: Stage, evaluation: Evaluation) -> float:
        baselines = self._scores[stage.task, evaluation.seed]
        if not baselines:
            raise ActsearchError(f"no baseline came through on {stage.task}, and scores are relative to theirs")
        theirs = fmean(baselines.values())
        if not theirs:
            raise ActsearchError(
                f"every baseline has {stage.score} 0 on {stage.task}, and scores are relative to theirs"
            )
        return _score(stage, evaluation) / theirs


def _score(stage: Stage, evaluation: Evaluation) -> float:
    found = evaluation.validation.get(stage.score)
    if found is None or found < 0:
        said = "missing" if found is None else f"{found:g}"
        raise ActsearchError(
            f"{stage.score} on {stage.task} is {said}, and scores of several tasks are divided by the baselines'; let "
            "the task go by one that every training has and that is never below 0, such as error"
        )
    return found


def failed(evaluations: Sequence[Evaluation]) -> bool:
    """Tell whether a training gave no numbers."""
    return any(each.status != "ok" for each in evaluations)


def whole_stages(stages: Sequence[Stage], evaluations: Sequence[Evaluation]) -> int:
    """Return on how many tasks, in their order, a candidate was trained to the end."""
    ended = {each.task for each in evaluations if any((s.task, s.steps) == (each.task, each.steps) for s in stages)}
    count = 0
    for stage in stages:
        if stage.task not in ended:
            break
        count += 1
    return count


def of_stage(stage: Stage, evaluations: Sequence[Evaluation], seeds: int) -> dict[int, list[Evaluation]]:
    """Return the evaluations on a task by steps, those that all seeds reached, few steps first."""
    found: dict[int, list[Evaluation]] = defaultdict(list)
    for each in evaluations:
        if each.task == stage.task and each.error is not None:
            found[each.steps].append(each)
    return {steps: found[steps] for steps in sorted(found) if len(found[steps]) == seeds}
