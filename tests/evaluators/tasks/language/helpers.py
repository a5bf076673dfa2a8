"""A tiny GPT-2 with its tokenizer, and preference files as their publishers write them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import torch

QUESTIONS = ("How do I boil an egg?", "What is rain?", "Who wrote Emma?", "Why is the sky blue?", "Is 7 prime?")


def write_gpt2(folder: Path) -> None:
    """Write a random GPT-2 of 2 blocks of width 32 over bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: at for at, token in enumerate([*alphabet, "<|endoftext|>"])}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|endoftext|>", bos_token="<|endoftext|>")
    tokenizer.save_pretrained(folder)
    end = vocabulary["<|endoftext|>"]
    config = GPT2Config(
        vocab_size=len(vocabulary), n_positions=512, n_embd=32, n_layer=2, n_head=2, bos_token_id=end, eos_token_id=end
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        GPT2LMHeadModel(config).save_pretrained(folder)


def hh_rows(answers: int = 4) -> list[dict[str, str]]:
    """Return rows of HH: the chosen answers are polite."""
    return [
        {
            "chosen": f"\n\nHuman: {question} ({n})\n\nAssistant: Gladly! Look it up.",
            "rejected": f"\n\nHuman: {question} ({n})\n\nAssistant: No.",
        }
        for n in range(answers)
        for question in QUESTIONS
    ]


def write_lines(file: Path, rows: list[dict[str, object]] | list[dict[str, str]]) -> None:
    """Write JSON lines, gzipped where the name says so."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    file.write_bytes(gzip.compress(text.encode()) if file.suffix == ".gz" else text.encode())


def shp_row(question: str, scores: tuple[int, int]) -> dict[str, object]:
    """Return a row of SHP with the fields that its files have."""
    return {
        "post_id": "a1",
        "domain": "askbaking_train",
        "upvote_ratio": 0.98,
        "history": question,
        "c_root_id_A": "b1",
        "c_root_id_B": "b2",
        "created_at_utc_A": 1637706888,
        "created_at_utc_B": 1637711167,
        "score_A": scores[0],
        "score_B": scores[1],
        "human_ref_A": f"A says: {question}",
        "human_ref_B": f"B says: {question}",
        "labels": int(scores[0] > scores[1]),
        "seconds_difference": 4279.0,
        "score_ratio": max(scores) / min(scores),
    }
