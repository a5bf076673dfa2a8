"""GPT-2 and its tokenizer from a folder, with another activation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from evaluators.instruments.swapping.swap import swap
from evaluators.tasks.language.preferences import Pair
from evaluators.training.task import ActivationFactory
from primitives import ActsearchError

_SOURCE = "https://huggingface.co/openai-community/gpt2"
_NO_DROPOUT = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}


def load(folder: Path, activation: ActivationFactory) -> tuple[Any, Any]:
    """Return GPT-2 with the activation in every block, without dropout, and its tokenizer.

    Raises:
        ActsearchError: the folder does not hold both in Hugging Face format.
    """
    from transformers import AutoTokenizer, GPT2LMHeadModel

    needed = {"config.json": "config.json", "model.safetensors": "*.safetensors", "tokenizer.json": "tokenizer.json"}
    if missing := [name for name, pattern in needed.items() if not any(folder.glob(pattern))]:
        raise ActsearchError(
            f"there is no {missing[0]} in '{folder}'; put {', '.join(needed)} of GPT-2 from {_SOURCE} there"
        )
    try:
        with no_progress_bars():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            policy = GPT2LMHeadModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32, **_NO_DROPOUT)
    except Exception as error:  # a broken file raises whatever its reader raises
        first = (str(error).splitlines() or [""])[0]
        raise ActsearchError(f"'{folder}' is no GPT-2 that transformers can read: {first}; copy it anew") from error
    if tokenizer.eos_token is None:
        raise ActsearchError(f"the tokenizer in '{folder}' has no end-of-text token; copy it anew from {_SOURCE}")
    tokenizer.pad_token = tokenizer.eos_token
    replace_activations(policy, activation)
    return policy, tokenizer


def replace_activations(policy: Any, activation: ActivationFactory) -> None:
    """Put a fresh activation into the MLP of every block."""
    old: list[type[nn.Module]] = list({type(block.mlp.act) for block in policy.transformer.h})
    swap(policy, old, activation, functional=False)


def shortened(pairs: Sequence[Pair], tokenizer: Any, longest: int) -> list[Pair]:
    """Return the pairs with prompts cut to their last tokens, where the question is."""
    found = []
    for pair in pairs:
        ids = tokenizer(pair.prompt, verbose=False)["input_ids"]
        prompt = tokenizer.decode(ids[-longest:]) if len(ids) > longest else pair.prompt
        found.append(Pair(prompt, pair.chosen, pair.rejected))
    return found


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Keep the bars of transformers and datasets off the screen."""
    import datasets
    from transformers.utils import logging

    bars, tables = logging.is_progress_bar_enabled(), not datasets.are_progress_bars_disabled()
    logging.disable_progress_bar()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if bars:
            logging.enable_progress_bar()
        if tables:
            datasets.enable_progress_bars()
