"""Supervised fine-tuning on the chosen answers, which comes before DPO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from evaluators.tasks.language.preferences import Pair
from evaluators.training.pieces import (
    Diverged,
    autocast,
    batches,
    check_deadline,
    groups_of,
    make_optimiser,
    make_schedule,
)
from evaluators.training.task import Recipe

LONGEST = 512
"""Tokens of a prompt with its answer; of more the start is kept."""
_IGNORED = -100
"""The label that torch's cross-entropy leaves out."""


def tune(
    policy: Any,
    tokenizer: Any,
    pairs: Sequence[Pair],
    recipe: Recipe,
    seed: int,
    device: torch.device,
    deadline: float,
) -> None:
    """Train the policy in place to continue each prompt with its chosen answer.

    The loss is the cross-entropy of the answers' tokens, their end included.

    Raises:
        Diverged: the loss stopped being finite.
        Late: the deadline has passed.
    """
    optimiser = make_optimiser(groups_of(policy, recipe), recipe)
    schedule = make_schedule(optimiser, recipe, recipe.steps)
    order = batches(len(pairs), recipe.batch_size, seed)
    policy.train()
    for _ in range(recipe.steps):
        check_deadline(deadline)
        rows = [pairs[int(row)] for row in next(order)]
        tokens, mask, labels = (part.to(device) for part in batch(rows, tokenizer))
        with autocast(recipe, device):
            logits = policy(input_ids=tokens, attention_mask=mask, use_cache=False).logits
            loss = nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        if not bool(loss.isfinite()):
            raise Diverged("its loss is not finite in supervised fine-tuning")
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(policy.parameters(), recipe.clip)
        optimiser.step()
        schedule.step()


def batch(pairs: Sequence[Pair], tokenizer: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return tokens, attention mask and labels, each of shape (pairs, longest); prompts have no labels."""
    tokens, labels = [], []
    for pair in pairs:
        prompt = tokenizer(pair.prompt, verbose=False)["input_ids"]
        answer = tokenizer(pair.chosen, verbose=False)["input_ids"] + [tokenizer.eos_token_id]
        tokens.append(torch.tensor((prompt + answer)[:LONGEST]))
        labels.append(torch.tensor(([_IGNORED] * len(prompt) + answer)[:LONGEST]))
    masks = [torch.ones_like(row) for row in tokens]
    pad = nn.utils.rnn.pad_sequence
    padded = pad(tokens, batch_first=True, padding_value=tokenizer.pad_token_id)
    return padded, pad(masks, batch_first=True), pad(labels, batch_first=True, padding_value=_IGNORED)
