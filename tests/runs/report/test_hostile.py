"""A run folder is untrusted: whatever it says is text on the page."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser

import pytest

from primitives import ActsearchError
from runs import folder
from runs.report.page import write_report
from tests.runs.helpers import opened
from tests.runs.report.helpers import page_of, rich_run

HARM = "</script><script>window.harmed=1</script><img src=http://evil.example onerror=harmed=1>"
HARM += "\"'`&\u202e\x1b[31m{{ 7*7 }}%{x}"
NO_RECIPE = json.dumps([{"label": "mnist1d-mlp", "where": "x", "made_of": {"code": {}, "data": {}, "recipe": None}}])
LINK = '<a href="http://evil.example">$\\sqrt{2}$</a>'


def hostile_run(path):
    """Make a run whose every text means harm."""

    def change(candidate):
        name = None if candidate.name is None else f"{candidate.name}{HARM}"
        text = HARM if candidate.id == 4 else f"{LINK}{HARM}" if candidate.id == 5 else candidate.expression
        return dataclasses.replace(candidate, expression=text, origin=f"o{HARM}", name=name, reason=f"r{HARM}")

    packages, passed = json.dumps({f"p{HARM}": HARM}), json.dumps({"why <script>window.harmed=1</script>": 3})
    record = {"label": HARM, "where": HARM, "made_of": {"code": {}, "data": {}, "recipe": {HARM: HARM}}}
    texts = {
        "config": HARM,
        "machine": HARM,
        "created": HARM,
        "search_seconds": HARM,
        "seed": HARM,
        "packages": packages,
    }
    return rich_run(path, HARM, change, texts | {"tasks": json.dumps([record]), "passed_over": passed})


class Elements(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self):
        super().__init__()
        self.found, self.inside, self.shown = [], None, []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self.inside = tag

    def handle_data(self, data):
        if self.inside != "script":
            self.shown.append(data)


def test_a_hostile_run_makes_the_same_elements_as_a_sound_one(tmp_path):
    pages = [Elements(), Elements()]
    for page, run in zip(pages, (rich_run(tmp_path / "sound"), hostile_run(tmp_path / "hostile")), strict=True):
        page.feed(page_of(run))
    sound, hostile = ({tag for tag, _ in page.found} for page in pages)
    assert hostile <= sound | {"strong"}  # its state is not 'finished', which a line says
    scripts = [[attributes for tag, attributes in page.found if tag == "script"] for page in pages]
    assert all(set(attributes) <= {"type", "data-for"} for attributes in scripts[1])
    known = {name for page in pages[:1] for _, attributes in page.found for name in attributes}
    assert {name for _, attributes in pages[1].found for name in attributes} <= known
    assert any("window.harmed=1" in text for text in pages[1].shown)


def test_nothing_of_a_run_is_read_as_a_template_or_as_a_terminals_command(tmp_path):
    text = page_of(hostile_run(tmp_path / "run"))
    assert "{{ 7*7 }}" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_json_of_a_picture_holds_nothing_that_html_or_plotly_acts_on(tmp_path):
    text = page_of(hostile_run(tmp_path / "run"))
    found = re.findall(r'<script type="application/json" data-for="[\w-]+">(.*?)</script>', text, flags=re.DOTALL)
    assert len(found) >= 8
    for each in found:
        assert "<" not in each
        for word in _texts(json.loads(each)):
            assert not re.search(r"<(?!/?b>|br>|extra>|/extra>)", word), word


def _texts(value):
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def test_who_is_his_own_ancestor_ends_the_tree(tmp_path):
    def change(candidate):
        return dataclasses.replace(candidate, parents=(7, 5, 99, candidate.id))

    assert "Lineage" in page_of(rich_run(tmp_path / "run", change=change))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("costs", '{"rows": 3}'),
        ("costs", "[["),
        ("objectives", "[1]"),
        ("passed_over", "[]"),
        ("tasks", "{}"),
        ("tasks", NO_RECIPE),
    ],
)
def test_a_value_that_is_not_ours_is_refused_in_a_sentence_and_nothing_is_written(tmp_path, key, value):
    run = rich_run(tmp_path / "run", meta={key: value})
    with pytest.raises(ActsearchError, match="not ours"):
        write_report(run)
    assert not (run / "report.html").exists()


def test_results_of_a_candidate_that_is_not_there_are_refused(tmp_path):
    run = rich_run(tmp_path / "run")
    with opened(run) as store:
        store._db.execute("DELETE FROM candidates WHERE id = 7")
        store._db.commit()
    with pytest.raises(ActsearchError, match="results of candidate 7, which it lacks"):
        write_report(run)


def test_no_link_leads_out_of_the_run_folder(tmp_path):
    run, outside = rich_run(tmp_path / "run"), tmp_path / "outside.html"
    (run / "report.html").symlink_to(outside)
    with pytest.raises(ActsearchError, match="link leads out"):
        write_report(run)
    assert not outside.exists()
    with folder.reading(run) as store:
        assert store.meta("state") == "finished"
