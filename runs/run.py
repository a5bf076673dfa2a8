"""A run for programs: pandas frames, expressions and torch modules, read at one moment."""

from __future__ import annotations

import html
import weakref
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from primitives import Expression, compile_expression
from primitives.errors import ActsearchError, ExpressionError
from primitives.parser import parse
from runs import statistics
from runs.axes import axes
from runs.candidate import Candidate
from runs.finding import find_candidate
from runs.folder import database, state_of
from runs.frames import candidates_frame, evaluations_frame
from runs.front import nothing_yet, pareto
from runs.front_html import front_html
from runs.store import Store
from runs.user_code import extension_records


def load(path: Path | str) -> Run:
    """Return a run as it is now, whether it is searching, was stopped, or is finished.

    The run file is copied into memory in one read transaction and closed, so its writer never waits for a reader,
    and all frames are of the same moment. Call it again to see what was added.

    Args:
        path: the run folder.

    Raises:
        ActsearchError: the folder is not there, is no run, or its file cannot be read; the nearest run is suggested.

    Example:
        >>> import runs
        >>> run = runs.load("campaigns/demo")                            # doctest: +SKIP
        >>> run.front.sort_values("error")[["id", "expression", "error"]]  # doctest: +SKIP
        >>> layer = run.module(103)                                      # doctest: +SKIP
    """
    folder = Path(path).expanduser()
    store = Store(database(folder))
    try:
        store.keep_in_memory()
    except BaseException:
        store.close()
        raise
    run = Run(folder, store)
    weakref.finalize(run, store.close)
    return run


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """What a campaign left, at the moment of :func:`load`. A frame is made when it is first asked for; each is yours.

    Attributes:
        path: the run folder.
    """

    path: Path
    _store: Store

    @property
    def config(self) -> str:
        """The resolved configuration, as TOML: every key, with what an extension of the search has changed."""
        return self._store.meta("config")

    @property
    def state(self) -> str:
        """``searching``, ``confirming``, ``stopped`` (nobody runs it and it is not over), or ``finished``."""
        return state_of(self.path, self._store)

    @property
    def created(self) -> str:
        """When it was started, with the time zone, as ``2026-11-29T18:00:00+0000``."""
        return self._store.meta("created")

    @property
    def candidates(self) -> pd.DataFrame:
        """Every candidate, a row each, in the order of ids.

        Columns:
            id: int, counts from 1 within the run.
            name: of a baseline, else ``None``.
            expression: the formula, learnable parameters with their initial values, as text.
            origin: the operator that made it, such as ``mutation``, ``eafo``, ``baseline``, ``seed``.
            parents: ids of the candidates that it was made from, a tuple.
            slot: number of the training slot that it was proposed for, 0 of baselines and seeds.
            status: ``pending``, ``ok`` (trained to the end), ``stopped`` (by halving), ``rejected``, ``outranked``,
                ``cached``, ``diverged``, ``timeout``, ``oom`` or ``crashed``.
            reason: why, a clause; empty of ``pending`` and ``ok``.
            baseline: bool, whether it is a baseline.
            cost: of one element, forward and backward, in float32 multiplications (ReLU has 2).
            complexity: nodes of the formula, 1.
            prior: entropy of the standardised output under a standard normal input, in nats.
            correction: size of the remaining EAFO correction, 1.
            gain: factor of the initial weights' scale 1/sqrt(fan_in) after this activation, 1.
            error: mean validation error over the search seeds, in the unit of the task's error; this and the next
                are NaN of what was not trained to the end.
            error_se: its standard error, in the same unit; NaN with one seed.
            on_front: bool, whether nothing dominates it.

        Beside them, two columns for each other objective that trainings measure, as ``calibrated_loss`` (nats) and
        ``calibrated_loss_se``, one for each other objective, and one for each feature of an extension.
        """
        return self._candidates.copy()

    @property
    def evaluations(self) -> pd.DataFrame:
        """Every training, a row for each seed and for each rung that it reached, in the order in which they finished.

        Columns:
            candidate: int, id of what was trained.
            purpose: ``search``, or ``confirm`` for fresh seeds.
            task: name of the task.
            steps: int, optimiser steps.
            seed: int, below 1,000 in the search, from 10,000 in confirmation.
            status: ``ok``, or why there are no numbers: ``diverged``, ``timeout``, ``oom``, ``crashed``, ``rejected``.
            reason: a clause, empty of ``ok``.
            error: mean validation error, in the unit of the task's error (a share of 1 of a classification).
            loss: mean validation loss, in the unit of the task's loss (nats of a classification).
            test_error: the same of the test part, which only confirmation scores; NaN elsewhere.
            test_loss: the same of the loss.
            seconds: wall time since the rung before, s; a cohort's is shared out evenly.
            curve: training loss over 20 equal stretches of the training, a tuple in the unit of the loss.
            validation_curve: validation losses on the way, a tuple of (steps, loss); only of confirmation.
            places: what became of each activation of the network, a tuple; only of confirmation.
            unstacked: why it was trained by itself and not in a stack; empty where it was in one.

        Beside them, two columns for each metric of the task, of the validation and of the test part, as
        ``calibrated_loss`` and ``test_calibrated_loss`` (nats).
        """
        return self._evaluations.copy()

    @property
    def front(self) -> pd.DataFrame:
        """The front and all baselines, the best by the first objective first: scores of the search, so no evidence.

        Columns:
            id: int, of the candidate.
            name: of a baseline, else ``None``.
            expression: the formula, as text.
            error: mean validation error over the search seeds, in the unit of the task's error.
            error_se: its standard error, in the same unit; NaN with one seed.
            cost: of one element, forward and backward, in float32 multiplications (ReLU has 2).
            complexity: nodes of the formula, 1.
            prior: entropy of the standardised output under a standard normal input, in nats.
            correction: size of the remaining EAFO correction, 1.
            gain: factor of the initial weights' scale 1/sqrt(fan_in) after this activation, 1.
            baseline: bool, whether it is a baseline.
            origin: the operator that made it.
            on_front: bool, whether nothing dominates it.

        Beside them, the columns of further objectives and features, as in :attr:`candidates`.
        """
        return self._front.copy()

    @property
    def confirmed(self) -> pd.DataFrame:
        """What confirmation measured on fresh seeds, a row for each candidate, task and number of steps.

        Columns:
            task: name of the task.
            steps: int, optimiser steps.
            id: int, of the candidate.
            name: of a baseline, else ``None``.
            expression: the formula, as text.
            seeds: int, successful trainings.
            failed: int, trainings that gave no numbers.
            score: name of what the task goes by, as ``error`` or ``calibrated_loss``.
            validation_score: mean of that over the seeds, validation part, in its own unit.
            test_score: the same of the test part.
            test_se: standard error of ``test_score``, in the same unit.
            search_score: what the search had claimed, in the same unit; NaN on a task that it never saw.
            validation_error: mean validation error, in the unit of the task's error.
            test_error: mean test error, in the same unit.
        """
        return self._confirmed.copy()

    @property
    def comparisons(self) -> pd.DataFrame:
        """The evidence: each finalist against each baseline on the test part, paired by seed.

        Columns:
            task: name of the task.
            steps: int, optimiser steps.
            id: int, of the finalist.
            expression: its formula, as text.
            baseline: name of what it is compared with.
            score: name of what is compared.
            pairs: int, seeds that both have.
            failed: int, seeds on which either failed.
            difference: mean of finalist minus baseline, in the unit of the score; negative is better.
            low: lower end of the 95 % interval, in the same unit; NaN with fewer than two pairs.
            high: its upper end.
            p: of the paired t-test, two-sided, 1.
            p_holm: the same after Holm's correction over all pairs of task and steps, 1; 1 where a seed failed.
            effect: difference in standard deviations of the differences (Cohen's d_z), 1.
        """
        return self._comparisons.copy()

    def expression(self, id_: int | str) -> Expression:
        """Return the formula of a candidate.

        Args:
            id_: of the candidate, or the name of a baseline.

        Raises:
            ActsearchError: it is not there, or uses a primitive of an extension that is not imported.
        """
        candidate = self._candidate(id_)
        try:
            return parse(candidate.expression)
        except ExpressionError as error:
            names = ", ".join(extension_records(self._store))
            raise ExpressionError(
                f"{error}; import the run's extension first: {names}" if names else str(error)
            ) from error

    def module(self, id_: int | str, **options: Any) -> nn.Module:
        """Return a torch module of a candidate, compiled as in every training, with its *initial* constants.

        Learnable constants start where they did in the search; what became of them in the confirmation trainings is
        in the column ``places`` of :attr:`evaluations`. Multiply the initial scale of the layer after it by the
        column ``gain`` of :attr:`candidates`, as the tasks do.

        Args:
            id_: of the candidate, or the name of a baseline.
            options: as of a generated module with learnable constants: their initial values by name,
                ``num_parameters``, ``channel_dim``, ``learnable``, ``device``, ``dtype``.

        Raises:
            ActsearchError: it is not there, uses a primitive of an extension that is not imported, or takes no such
                option.
        """
        layer = compile_expression(self.expression(id_)).module
        try:
            return layer(**options)
        except TypeError as error:
            raise ActsearchError(f"candidate {id_} cannot be made a module with {options}: {error}") from error

    def _candidate(self, id_: int | str) -> Candidate:
        return find_candidate(self._store, str(id_))

    @cached_property
    def _candidates(self) -> pd.DataFrame:
        return candidates_frame(self._store)

    @cached_property
    def _evaluations(self) -> pd.DataFrame:
        return evaluations_frame(self._store)

    @cached_property
    def _front(self) -> pd.DataFrame:
        return pareto(self._store)

    @cached_property
    def _confirmed(self) -> pd.DataFrame:
        return statistics.confirmed(self._store)

    @cached_property
    def _comparisons(self) -> pd.DataFrame:
        return statistics.comparisons(self._store)

    def __repr__(self) -> str:
        """Return a line: where it lies, how far it is, and the best of its front."""
        found = self._front[~self._front["baseline"]]
        best = f"best of the search {found.iloc[0]['expression']}" if len(found) else "no front but of baselines"
        return f"Run({str(self.path)!r}, {self.state}: {best})"

    def _repr_html_(self) -> str:
        """Return the front as a small table, everything escaped."""
        head = f"<p><b>{html.escape(str(self.path))}</b>: {html.escape(self.state)}</p>"
        if self._front.empty:
            return f"{head}<p>no front: {html.escape(nothing_yet(self._store))}</p>"
        return head + front_html(self._front, axes(self._store))
