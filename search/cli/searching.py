"""What launch, resume and confirm share: the tasks and extensions of a run, and the search with its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from evaluators import Executor
from evaluators.training.executors.options import ExecutorOptions
from evaluators.training.task import AnyTask
from runs import Store, finalists
from runs.stacking import unstacked_lines
from runs.user_code import extension_records, task_records
from search.campaign.confirmation import Plan
from search.campaign.confirmation import confirm as run_confirmation
from search.campaign.loop import Campaign
from search.cli.interrupt import Interruptible
from search.cli.output import say
from search.cli.printing import print_outcome
from search.cli.progress import ProgressView, closing_line, exhausted_lines, halving_line, prior_lines
from search.configuration.config import CampaignConfig
from search.loading.extensions import import_recorded
from search.loading.run import stored_extensions
from search.loading.tasks import Loader, refuse_data_without_use


def search_and_print(
    store: Store, folder: Path, settings: CampaignConfig, executor: Executor, guard: Interruptible, quiet: bool
) -> None:
    """Search until the budget is spent, then confirm, print and export."""
    campaign = Campaign(settings, store)
    if not quiet:
        say(f"campaign in {folder}: {', '.join(settings.searched)}, {_limits(settings)}", stderr=True)
    with ProgressView(quiet, guard.check) as view:
        campaign.run(executor, view)
        if settings.confirm.automatic and finalists(store, 1):
            run_confirmation(store, plan_of(settings), executor, view.confirming)
    print_outcome(store, folder, settings)
    store.set_meta("state", "finished")
    say(
        "",
        closing_line(campaign.progress),
        *exhausted_lines(campaign.progress),
        halving_line(campaign.progress),
        *unstacked_lines(store),
        *prior_lines(campaign.progress),
        *campaign.progress.strategy_lines,
    )
    say(f"next: actsearch show {folder} ID, actsearch pareto {folder}, actsearch export {folder} ID -o act.py")


def _limits(settings: CampaignConfig) -> str:
    """Return when the search ends."""
    budget = settings.budget
    steps = f", {budget.steps:,} optimiser steps at most" if budget.steps else ""
    minutes = f", {budget.minutes:g} minutes at most" if budget.minutes else ""
    return f"{budget.trainings} trainings{steps}{minutes}"


def plan_of(settings: CampaignConfig) -> Plan:
    """Return what a campaign confirms when its search ends."""
    chosen = settings.confirm
    return Plan(chosen.top, chosen.seeds, settings.confirm_tasks, chosen.steps, chosen.timeout)


def task_names(settings: CampaignConfig) -> list[str]:
    """Return the tasks of a campaign: of the search, and of the confirmation that follows it."""
    return [*settings.searched, *(settings.confirm_tasks if settings.confirm.automatic else ())]


def scores_of_tasks(tasks: Mapping[str, AnyTask], settings: CampaignConfig) -> dict[str, str]:
    """Return what each task is judged by: the search's first by the campaign's score, the others by their own."""
    own = {name: task.score for name, task in tasks.items()}
    return own | ({settings.task: settings.goes_by} if settings.task in tasks else {})


def import_own(store: Store, folder: Path, extension: list[str] | None, trust: bool) -> None:
    """Import the extensions that a run was made with, before its configuration is read."""
    labels = stored_extensions(store, folder)
    import_recorded(labels, extension_records(store), folder, extension or (), trust)


def loader_of(settings: CampaignConfig, names: Sequence[str], data: Path | None, execution: ExecutorOptions) -> Loader:
    """Return what loads the tasks of a run that exists."""
    refuse_data_without_use(data, names)
    return Loader(execution.executor, str(data) if data else settings.data)


def recorded_tasks(
    store: Store,
    folder: Path,
    names: Sequence[str],
    moved: list[str] | None,
    loader: Loader,
    trust: bool,
) -> dict[str, AnyTask]:
    """Return tasks that a run was made with."""
    return loader.recorded(names, task_records(store), folder, moved or (), trust).tasks
