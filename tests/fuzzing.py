"""A run that is edited by somebody hostile and then read: shared by the suite and by `make bench`, which tries more."""

from __future__ import annotations

import contextlib
import io
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

from pydantic import BaseModel

from evaluators import Evaluation, assess
from evaluators.judging.objectives import chosen_objectives
from primitives import ActsearchError, resolve
from runs import axes, folder, scores, user_code
from search.campaign.loop import Search, check_starters
from search.cli import main
from search.configuration.config import CampaignConfig
from search.configuration.reading import from_toml
from search.configuration.writing import to_toml
from search.loading.run import stored_config
from search.space.grammar import Grammar
from search.space.options import Grammar as GrammarConfig
from search.tables.board import Board, plain
from tests.hostile import loosened
from tests.search.campaign.test_campaign import Imagined, config

COMMANDS = (
    ("show", "{run}"),
    ("show", "{run}", "--format", "csv"),
    ("show", "{run}", "10"),
    ("show", "{run}", "10", "--format", "json"),
    ("show", "{run}", "relu", "--format", "csv"),
    ("pareto", "{run}"),
    ("pareto", "{run}", "--format", "json"),
    ("pareto", "{run}", "--format", "csv"),
    ("list", "{parent}"),
    ("list", "{parent}", "--format", "csv"),
    ("export", "{run}", "10"),
    ("export", "{run}", "9", "--to", "latex"),
    ("salvage", "{run}", "-o", "{parent}/salvaged"),
    ("resume",),
    ("resume",),
)
GRAMMAR = Grammar(GrammarConfig())
NAMES = sorted(GRAMMAR.primitives.mapping)
"""Of primitives that a genotype may have."""
_SECTIONS = {name: field.default for name, field in CampaignConfig.model_fields.items()}
KEYS = sorted(
    {
        *(
            f"{name}.{key}"
            for name, one in _SECTIONS.items()
            if isinstance(one, BaseModel)
            for key in type(one).model_fields
        ),
        *_SECTIONS,
        *("strategy.name", "strategy.crossover", "nothing", "budget.nothing"),
    }
)
"""Dotted keys of a campaign file, a few of which there are not."""


class Prey:
    """A run as it was written, and what it becomes when somebody edits it."""

    def __init__(self, place: Path) -> None:
        self.place, self.run = place, place / "runs" / "run"
        settings = config(budget={"trainings": 4}, fidelity={"rungs": [0.5]})
        text = to_toml(settings)
        objectives = chosen_objectives(settings.objectives, settings.goes_by)
        meta = {
            "config": text,
            "seed": "0",
            "state": "searching",
            "passed_over": '{"known": 3}',
            "search_seconds": "1.5",
        }
        meta |= axes.as_meta(objectives) | scores.as_meta({"digits-vit": "error"}) | user_code.as_meta([])
        meta |= {"lessons": "[]", "members": "1", "tasks": "[]", "extensions": "[]"}
        folder.create(self.run, text, meta)
        with folder.writing(self.run) as store:
            search = Search(settings, store)
            with Imagined() as engine:
                search.run(engine)
            chosen = [candidate.id for candidate in store.candidates() if candidate.status == "ok"]
            rows = [
                Evaluation(
                    i, "digits-vit", 3, 10_000 + seed, "ok", "", 0.1 + i / 100, 1.0, 0.2 + i / 50, 1.0, 0.1, (2.0, 1.0)
                )
                for i in chosen
                for seed in range(2)
            ]
            store.record("confirm", rows)
        self.content = loosened(self.run)
        with closing(sqlite3.connect(self.run / folder.DATABASE)) as db:
            self.columns = {
                table: [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
                for table in ("candidates", "evaluations")
            }
            self.keys = [row[0] for row in db.execute("SELECT key FROM meta")]
        self.settings = settings

    @property
    def pwned(self):
        """The file that exists once something was executed."""
        return self.place / "PWNED"

    def edit(self, statement, values):
        """Put something into the run file, whole as it was before."""
        shutil.rmtree(self.place / "runs")
        self.run.mkdir(parents=True)
        (self.run / folder.DATABASE).write_bytes(self.content)
        given = [v.replace("{pwned}", str(self.pwned)) if isinstance(v, str) else v for v in values]
        with closing(sqlite3.connect(self.run / folder.DATABASE)) as db, contextlib.suppress(sqlite3.OperationalError):
            db.create_function("writefile", 2, lambda *_: None)
            db.executescript(statement.replace("{pwned}", str(self.pwned))) if not values else db.execute(
                statement, given
            )
            db.commit()

    def told(self, words):
        """Run a command; return its exit code and all that it printed."""
        return told([word.format(run=self.run, parent=self.run.parent) for word in words])

    def resumed(self):
        """Do what ``resume`` does before anything trains, and train what is left, imagined."""
        try:
            with folder.writing(self.run) as store:
                settings = stored_config(store, self.run)
                with Imagined() as engine:
                    search = Search(settings.model_copy(update={"budget": self.settings.budget}), store)
                    search.run(engine)
        except ActsearchError as error:
            return 2, f"error: {error}"
        return 0, ""

    def outside(self):
        """Return what lies outside the run folders."""
        return sorted(path.name for path in self.place.iterdir())


def told(words):
    """Run the command line in this process; return its exit code and all that it printed."""
    out = io.StringIO()
    with (
        patch.object(sys, "argv", ["actsearch", *words]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
    ):
        try:
            main.main()
        except SystemExit as end:
            return end.code or 0, out.getvalue()
    return 0, out.getvalue()


def fault(code, printed):
    """Return what is wrong with an answer, or nothing."""
    if code not in (0, 2):
        return f"exit code {code}: {printed[-800:]}"
    if code == 2 and len(printed.strip().splitlines()) != 1:
        return f"not one sentence: {printed[-800:]}"
    if any(not character.isprintable() and character != "\n" for character in printed):
        return f"not printable: {printed[-800:]!r}"
    if "Traceback" in printed:
        return printed[-800:]
    return None


def check_run(prey, edit, words):
    """Edit a run and read it: an answer or one sentence, and no file where none belongs."""
    before = prey.outside()
    prey.edit(*edit)
    code, printed = prey.resumed() if words == ("resume",) else prey.told(words)
    assert not (reason := fault(code, printed)), (edit, words, reason)
    assert prey.outside() == before, (edit, words)


def check_configuration(text):
    """Read a campaign file as ``launch`` does before it starts anything."""
    with contextlib.suppress(ActsearchError):
        check_starters(from_toml(text, "c.toml"))


def check_expression(text):
    """Read a formula and judge it."""
    with contextlib.suppress(ActsearchError):
        expression = resolve(text)
        assert assess(expression) is not None
        assert str(expression)


def check_genotype(text):
    """Read a tree and the formula that it says."""
    with contextlib.suppress(ActsearchError):
        GRAMMAR.expression(GRAMMAR.loads(text))


def check_table(content, file):
    """Read a table and make it ready to be played on."""
    file.write_bytes(content)
    with contextlib.suppress(ActsearchError):
        Board(plain(file))
