from __future__ import annotations

import pytest

from evaluators.tasks.language.preferences import Pair, hh_pairs, shp_pairs
from primitives import ActsearchError
from tests.evaluators.tasks.language.helpers import hh_rows, shp_row, write_lines


def test_hh_keeps_every_pair_once_and_no_prompt_is_in_two_training_parts(tmp_path):
    rows = hh_rows(20)
    write_lines(tmp_path / "harmless-base" / "train.jsonl.gz", rows[:50])
    write_lines(tmp_path / "helpful-base" / "train.jsonl", rows[50:])
    train, validation = (hh_pairs(tmp_path, part) for part in ("train", "validation"))
    assert len(validation) == 5
    assert len(train) == 95
    assert not {pair.prompt for pair in train} & {pair.prompt for pair in validation}
    assert {pair.prompt + pair.chosen for pair in train + validation} == {row["chosen"] for row in rows}
    assert {pair.prompt + pair.rejected for pair in train + validation} == {row["rejected"] for row in rows}
    assert all(pair.prompt.endswith("\n\nAssistant:") for pair in train)


def test_an_hh_prompt_is_the_common_part_up_to_the_last_assistant_and_equal_answers_are_no_preference(tmp_path):
    begin = "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Sing\n\nAssistant:"
    rows = [{"chosen": f"{begin} La.", "rejected": f"{begin} Loud!"}, {"chosen": begin, "rejected": begin}]
    write_lines(tmp_path / "helpful-base" / "test.jsonl.gz", rows)
    assert hh_pairs(tmp_path, "test") == [Pair(begin, " La.", " Loud!")]


def test_shp_prefers_the_label_and_keeps_clear_preferences_only(tmp_path):
    rows = [shp_row("Bread?", (10, 5)), shp_row("Cake?", (2, 9)), shp_row("Pie?", (9, 8))]
    for part in ("train", "validation"):
        write_lines(tmp_path / "askbaking" / f"{part}.json", rows)
    assert shp_pairs(tmp_path, "validation") == [
        Pair("\n\nHuman: Bread?\n\nAssistant:", " A says: Bread?", " B says: Bread?"),
        Pair("\n\nHuman: Cake?\n\nAssistant:", " B says: Cake?", " A says: Cake?"),
    ]


def test_missing_files_say_what_to_put_where(tmp_path):
    with pytest.raises(ActsearchError, match="put the folders harmless-base and helpful-base of https://"):
        hh_pairs(tmp_path, "train")
    with pytest.raises(ActsearchError, match=r"put the folders .* of https://"):
        shp_pairs(tmp_path / "none", "train")
    (tmp_path / "askbaking").mkdir()
    with pytest.raises(ActsearchError, match=r"there is no test.json or"):
        shp_pairs(tmp_path, "test")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"chosen": "a"}', "the field 'rejected' is missing"),
        ("{", "Expecting property name"),
        ('{"chosen": "a", "rejected": "b"}', "share no beginning"),
        ('{"chosen": 1, "rejected": "b"}', "chosen is not a text"),
        ("[]", "list indices"),
    ],
)
def test_a_malformed_line_is_named_in_one_sentence(tmp_path, line, reason):
    write_lines(tmp_path / "helpful-base" / "test.jsonl", hh_rows(1))
    with (tmp_path / "helpful-base" / "test.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ActsearchError, match=rf"line 6 of .*test\.jsonl' is not a preference pair: .*{reason}"):
        hh_pairs(tmp_path, "test")


def test_hidden_folders_are_passed_over_and_a_file_cut_short_is_named(tmp_path):
    write_lines(tmp_path / "askbaking" / "test.json.gz", [shp_row("Bread?", (10, 5))])
    (tmp_path / ".ipynb_checkpoints").mkdir()
    file = tmp_path / "askbaking" / "test.json.gz"
    assert len(shp_pairs(tmp_path, "test")) == 1
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ActsearchError, match=r"test\.json\.gz' cannot be read to its end"):
        shp_pairs(tmp_path, "test")
    file.rename(file.with_name("test.json"))
    with pytest.raises(ActsearchError, match=r"test\.json' cannot be read to its end"):
        shp_pairs(tmp_path, "test")


def test_a_broken_shp_label_is_refused(tmp_path):
    write_lines(tmp_path / "askbaking" / "test.json", [shp_row("Bread?", (10, 5)) | {"labels": 2}])
    with pytest.raises(ActsearchError, match="labels is 2, not 1 for A or 0 for B"):
        shp_pairs(tmp_path, "test")
