"""A frame in words: lines for a terminal, a log, or whoever watches."""

from __future__ import annotations

from collections.abc import Sequence

from evaluators.judging.features.catalogue import FEATURES
from search.campaign.progress import Progress
from search.live.frame import Frame, WorkerNow

_BARS = "▁▂▃▄▅▆▇█"


def headline(frame: Frame) -> str:
    """Return where a campaign stands."""
    if frame.phase == "confirm":
        failed = f" ({frame.confirm_failed} failed)" if frame.confirm_failed else ""
        return (
            f"confirming on fresh seeds: {frame.confirmed} of {frame.confirming} trainings{failed}, "
            f"{duration(frame.seconds)}"
        )
    if frame.phase == "measure":
        return "measuring what the finalists cost on this machine"
    stopped = f" ({frame.stopped} stopped early)" if frame.stopped else ""
    if frame.phase in ("done", "stopped"):
        confirmed = f", {frame.confirmed} of {frame.confirming} trainings confirmed" if frame.confirming else ""
        return f"{frame.phase}: {frame.trained}/{frame.budget} trained{stopped}{confirmed}"
    return (
        f"{frame.trained}/{frame.budget} trained{stopped}, {frame.proposed:,} proposed "
        f"({frame.rejected:,} rejected, {frame.outranked:,} outranked, {frame.known:,} known, {frame.failed} failed), "
        f"{duration(frame.seconds)}"
    )


def outlook(frame: Frame) -> str:
    """Return how fast it goes and what is left."""
    steps = sum(worker.steps_a_second for worker in frame.workers)
    rates = [f"{steps:,.0f} steps a second"] if steps else []
    if frame.phase == "search" and frame.trainings_a_minute:
        rates.insert(0, f"{frame.trainings_a_minute:.0f} trainings a minute")
    left = "" if frame.seconds_left is None else f"about {duration(frame.seconds_left)} left"
    return ", ".join([*rates, *([left] if left else [])])


def duration(seconds: float) -> str:
    """Return a time as people say it: ``42 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 and whole < 600 else f"{round(whole / 60)} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def worker_line(worker: WorkerNow) -> str:
    """Return what one worker does."""
    who = f"worker {worker.worker}: {worker.task}, "
    if worker.state == "silent":
        limit = f"; given up after {duration(worker.limit_seconds)} in all" if worker.limit_seconds else ""
        where = f"at step {worker.step} of {worker.steps}" if worker.step else f"before the first of {worker.steps}"
        return f"{who}no step for {duration(worker.silent_seconds)} {where}{limit}"
    if worker.state == "preparing":
        return f"{who}preparing {worker.trainings} trainings of {worker.steps} steps"
    rung = f", next look at {worker.rung}" if worker.rung < worker.steps else ""
    best = "" if worker.best is None else f", best {worker.best:.4g} (#{worker.best_id})"
    left = f"{worker.trainings} of {worker.started} trainings"
    return f"{who}step {worker.step} of {worker.steps}{rung}, {left}, {worker.steps_a_second:,.0f} steps a second{best}"


def where_line(workers: Sequence[WorkerNow]) -> str:
    """Return at which steps cohorts in training are, as ``workers at step 300 of 1500 and 20 of 400``."""
    at = [f"{worker.step} of {worker.steps}" for worker in workers if worker.state == "training"]
    if not at:
        return ""
    *shown, last = at if len(at) <= 3 else [*at[:2], f"{len(at) - 2} more"]
    return f"workers at step {', '.join(shown)} and {last}" if shown else f"worker at step {last}"


def best_line(frame: Frame) -> str:
    """Return the best function so far, baselines among them, nothing before there is one."""
    return f"best {frame.best[0].objectives[0]:.4f}: {frame.best[0].formula}" if frame.best else ""


def sparkline(curve: Sequence[tuple[int, float]], trained: int, width: int = 60) -> str:
    """Return the lowest error over trainings as a row of bars, the first training on the left."""
    if not curve or trained < 1:
        return ""
    places = [round(1 + (trained - 1) * place / max(1, width - 1)) for place in range(min(width, trained))]
    if len(places) < width:
        places = list(range(1, trained + 1))
    values = [next((value for at, value in reversed(curve) if at <= place), None) for place in places]
    known = [value for value in values if value is not None]
    return " " * (len(values) - len(known)) + bars(known)  # nothing is known before the first


def bars(values: Sequence[float]) -> str:
    """Return numbers as a row of bars, the lowest the smallest; nothing of none."""
    if not values:
        return ""
    low, high = min(values), max(values)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] for value in values)


def prior_lines(progress: Progress) -> list[str]:
    """Return what the campaign has learned about each of the theory's features."""
    if not progress.correlations:
        return ["entropy prior: not enough trainings to judge it"]
    first = progress.objectives[0]
    idle = "; no evidence that it helps" + (", so it is ignored" if progress.prior_chooses else "")
    measured = "error" if first.name == "error" else first.label
    return [
        f"{FEATURES[name].label} against measured {measured}: Spearman {found.rho:+.2f} "
        f"[{found.low:+.2f}, {found.high:+.2f}] over {found.count} candidates and baselines"
        + ("" if found.certain else idle)
        for name, found in progress.correlations.items()
    ]
