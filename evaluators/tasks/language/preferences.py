"""Preference files as their publishers write them: Anthropic's HH and Stanford's SHP."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.training.task import Part
from primitives import ActsearchError

_ASSISTANT = "\n\nAssistant:"
_HUMAN = "\n\nHuman:"
LEAST_RATIO = 2.0
"""SHP pairs whose scores are closer than this say little (Ethayarajh et al. 2022; the DPO authors' code)."""
VALIDATION = 0.05
"""Share of HH's training prompts that is kept for validation; HH has no validation file."""


@dataclass(frozen=True)
class Pair:
    """A prompt that ends with ``Assistant:``, the answer that was preferred and the one that was not."""

    prompt: str
    chosen: str
    rejected: str


def hh_pairs(folder: Path, part: Part) -> list[Pair]:
    """Read the subsets of Anthropic's helpful and harmless preferences (Bai et al. 2022, arXiv 2204.05862).

    Train and validation part are the training files, cut by a fixed permutation of their prompts, so
    that no prompt is in both; the test part is the test files. Pairs with equal answers are left out.

    Args:
        folder: with ``harmless-base`` or ``helpful-base`` or both, each with ``train.jsonl`` and
            ``test.jsonl``, gzipped or not.
        part: which pairs.

    Raises:
        ActsearchError: a file is missing or a line is not a pair.
    """
    subsets = [name for name in ("harmless-base", "helpful-base") if (folder / name).is_dir()]
    if not subsets:
        raise ActsearchError(
            f"there are no HH preferences in '{folder}'; put the folders harmless-base and helpful-base of "
            "https://huggingface.co/datasets/Anthropic/hh-rlhf there"
        )
    stem = "test" if part == "test" else "train"
    files = [_either(folder / name, (f"{stem}.jsonl", f"{stem}.jsonl.gz")) for name in subsets]
    pairs = [pair for file in files for pair in _pairs(file, _hh_pair)]
    return pairs if part == "test" else _cut(pairs, part)


def shp_pairs(folder: Path, part: Part) -> list[Pair]:
    """Read Stanford's human preferences (Ethayarajh et al. 2022, arXiv 2110.08420).

    The parts are its own files, which share no post. Kept are pairs of which one answer has at least
    twice the other's score; prompts are spelled as in HH.

    Args:
        folder: with one folder a subreddit, each with ``train.json``, ``validation.json`` and ``test.json``.
        part: which files.

    Raises:
        ActsearchError: a file is missing or a line is not a pair.
    """
    there = folder.iterdir() if folder.is_dir() else ()
    subreddits = sorted(path for path in there if path.is_dir() and not path.name.startswith("."))
    if not subreddits:
        raise ActsearchError(
            f"there are no SHP preferences in '{folder}'; put the folders (askacademia, askbaking, ...) of "
            "https://huggingface.co/datasets/stanfordnlp/SHP there"
        )
    files = [_either(path, (f"{part}.json", f"{part}.jsonl", f"{part}.json.gz")) for path in subreddits]
    return [pair for file in files for pair in _pairs(file, _shp_pair)]


def _either(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise ActsearchError(f"there is no {' or '.join(names)} in '{folder}'; copy it there from where the folder is from")


def _pairs(file: Path, read: Any) -> Iterator[Pair]:
    """Yield the pairs of a file of JSON lines, without those that express no preference."""
    for number, line in enumerate(_lines(file), start=1):
        try:
            pair = read(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            what = f"the field {error} is missing" if isinstance(error, KeyError) else str(error)
            raise ActsearchError(
                f"line {number} of '{file}' is not a preference pair: {what}; copy the file anew"
            ) from error
        if pair is not None:
            yield pair


def _lines(file: Path) -> Iterator[str]:
    opened = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rt", encoding="utf-8") as lines:
            yield from lines
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise ActsearchError(f"'{file}' cannot be read to its end ({error}); copy the file anew") from error


def _hh_pair(row: dict[str, Any]) -> Pair | None:
    chosen, rejected = _text(row, "chosen"), _text(row, "rejected")
    shared = next((at for at, (one, other) in enumerate(zip(chosen, rejected, strict=False)) if one != other), None)
    end = chosen[: min(len(chosen), len(rejected)) if shared is None else shared].rfind(_ASSISTANT)
    if end < 0:
        raise ValueError("the two conversations share no beginning up to an 'Assistant:'")
    end += len(_ASSISTANT)
    return Pair(chosen[:end], chosen[end:], rejected[end:]) if chosen != rejected else None


def _shp_pair(row: dict[str, Any]) -> Pair | None:
    prompt = f"{_HUMAN} {_text(row, 'history')}{_ASSISTANT}"
    answers = [" " + _text(row, name) for name in ("human_ref_A", "human_ref_B")]
    scores = [row["score_A"], row["score_B"]]
    if row["labels"] not in (0, 1):
        raise ValueError(f"labels is {row['labels']!r}, not 1 for A or 0 for B")
    preferred = 1 - row["labels"]
    if scores[preferred] < LEAST_RATIO * scores[1 - preferred] or answers[0] == answers[1]:
        return None
    return Pair(prompt, answers[preferred], answers[1 - preferred])


def _text(row: dict[str, Any], field: str) -> str:
    value = row[field]
    if not isinstance(value, str):
        raise TypeError(f"{field} is not a text")
    return value


def _cut(pairs: list[Pair], part: Part) -> list[Pair]:
    """Return the pairs of one part of the training files."""
    prompts = sorted({pair.prompt for pair in pairs})
    order = np.random.default_rng(0).permutation(len(prompts))
    held = {prompts[at] for at in order[: round(VALIDATION * len(prompts))]}
    return [pair for pair in pairs if (pair.prompt in held) == (part == "validation")]
