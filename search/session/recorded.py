"""The tasks and extensions of a run that exists, and what its configuration says of confirmation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from evaluators.training.executors.options import ExecutorOptions
from evaluators.training.task import AnyTask
from runs import Store
from runs.user_code import extension_records, task_records
from search.campaign.confirmation import Plan
from search.configuration.config import CampaignConfig
from search.loading.extensions import import_recorded
from search.loading.run import stored_extensions
from search.loading.tasks import Loader, refuse_data_without_use


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


def import_own(store: Store, folder: Path, extension: Sequence[str] | None, trust: bool) -> None:
    """Import the extensions that a run was made with, before its configuration is read."""
    labels = stored_extensions(store, folder)
    import_recorded(labels, extension_records(store), folder, extension or (), trust)


def loader_of(
    settings: CampaignConfig,
    names: Sequence[str],
    data: Path | None,
    execution: ExecutorOptions,
    objects: Mapping[str, AnyTask] | None = None,
) -> Loader:
    """Return what loads the tasks of a run that exists."""
    refuse_data_without_use(data, names)
    return Loader(execution.executor, str(data) if data else settings.data, objects=objects or {})


def recorded_tasks(
    store: Store,
    folder: Path,
    names: Sequence[str],
    moved: Sequence[str] | None,
    loader: Loader,
    trust: bool,
) -> dict[str, AnyTask]:
    """Return tasks that a run was made with."""
    return loader.recorded(names, task_records(store), folder, moved or (), trust).tasks
