"""``gpt2-dpo-hh`` and ``gpt2-dpo-shp``: GPT-2 tuned on preferences with another activation."""

from __future__ import annotations

import abc
import copy
import dataclasses
import importlib.util
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from evaluators.tasks.folder import data_folder
from evaluators.tasks.language.names import BETA, LANGUAGE, named
from evaluators.tasks.language.preferences import Pair, hh_pairs, shp_pairs
from evaluators.tasks.randomness import every_generator
from evaluators.training.task import ActivationFactory, Outcome, OwnLoop, Part, Recipe
from primitives import ActsearchError

PROMPT_TOKENS = 256
"""Longest prompt; of a longer one the end is kept."""


class Gpt2DPO(OwnLoop):
    """Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290) of a pre-trained GPT-2.

    The candidate takes the place of GPT-2's GELU in every block (``h.*.mlp.act``). A checkpoint that
    was trained with GELU starts broken with anything else, so supervised fine-tuning on the chosen
    answers comes first, as in the DPO paper and in the CRReLU authors' procedure. What comes out of
    it is both the policy before its first DPO step and, frozen, the reference. The reference so has
    the candidate too: it must be the network that the policy starts as, or rewards would not start
    at 0 and the penalty would pull towards another function.

    The papers' batch size, steps, learning rate and token limits are not published; these are the
    DPO paper's (batch 64, rate 1e-6, its code's limits of 256 and 512 tokens) with AdamW for its
    RMSprop. The error is one less the reward accuracy: the share of held-out pairs whose chosen
    answer has the larger reward ``beta*log(policy/reference)``.

    Nothing is downloaded: a GPT-2 folder in Hugging Face format lies in ``gpt2`` of the data folder.

    Args:
        data: the data folder; ACTSEARCH_DATA or ``data`` when ``None``.
        beta: the penalty, above 0; the name says it where it is not 0.1.
        supervised_steps: steps of the supervised phase, whatever the steps of DPO.
    """

    base: str
    recipe = Recipe(steps=1000, batch_size=64, learning_rate=1e-6, warmup=0.15, weight_decay=0.0)
    supervised = Recipe(steps=1000, batch_size=64, learning_rate=5e-5, weight_decay=0.0)

    def __init__(self, data: Path | None = None, beta: float = BETA, supervised_steps: int | None = None) -> None:
        if not 0 < beta < float("inf"):
            raise ActsearchError(f"beta is {beta}; it must be a positive number, such as {BETA}")
        self.folder, self.beta = data_folder(data), beta
        self.name = named(self.base, beta)
        if supervised_steps is not None:
            self.supervised = dataclasses.replace(self.supervised, steps=supervised_steps)

    @abc.abstractmethod
    def pairs(self, part: Part) -> list[Pair]:
        """Return the preferences of one part; the parts share no prompt.

        Raises:
            ActsearchError: files are missing or broken.
        """

    @cached_property
    def _training_pairs(self) -> tuple[list[Pair], list[Pair]]:
        pairs = self.pairs("train"), self.pairs("validation")
        if not all(pairs):
            raise ActsearchError(f"the preference files of '{self.name}' in '{self.folder}' leave a part empty")
        return pairs

    def check(self) -> None:
        """Look for the packages, the preferences and the network, and load them.

        Raises:
            ActsearchError: one is missing; the message says how to get it.
        """
        for package in ("transformers", "trl", "datasets"):
            if importlib.util.find_spec(package) is None:
                raise ActsearchError(
                    f"task '{self.name}' needs the package {package}; run pip install 'actsearch[language]'"
                )
        from evaluators.tasks.language import model

        self._training_pairs  # noqa: B018 - read once, kept
        model.load(self.folder / "gpt2", torch.nn.GELU)

    def train(
        self,
        activation: ActivationFactory,
        gain: float,
        steps: int,
        seed: int,
        device: torch.device,
        deadline: float,
        score_test: bool,
    ) -> Outcome:
        """Fine-tune and score; see :meth:`evaluators.training.task.OwnLoop.train`.

        Metrics are the margin, accuracy and mean rewards of validation (and test) pairs, and beta.

        Raises:
            ActsearchError: model or data are missing, or do not fit each other.
        """
        del gain  # of an initialisation; these weights are trained already
        from evaluators.tasks.language import dpo, model, supervised

        train, validation = self._training_pairs
        parts = {"train": train, "validation": validation}
        if score_test:
            parts["test"] = self.pairs("test")
        with every_generator(seed, device):
            policy, tokenizer = model.load(self.folder / "gpt2", activation)
            policy.to(device)
            short = {name: model.shortened(pairs, tokenizer, PROMPT_TOKENS) for name, pairs in parts.items()}
            supervised.tune(policy, tokenizer, short["train"], self.supervised, seed, device, deadline)
            reference = copy.deepcopy(policy)
            settings = dpo.Settings(self.recipe, self.beta, steps, seed, device, deadline, supervised.LONGEST)
            with dpo.tuning(policy, reference, tokenizer, short, settings) as tuning:
                curve = tuning.run()
                scores = {part: tuning.score(part) for part in short if part != "train"}
        return _outcome(scores, curve, self.beta)


def _outcome(scores: dict[str, Any], curve: tuple[float, ...], beta: float) -> Outcome:
    found, test = scores["validation"], scores.get("test")
    return Outcome(
        error=1 - found.accuracy,
        loss=found.loss,
        test_error=None if test is None else 1 - test.accuracy,
        test_loss=None if test is None else test.loss,
        curve=curve,
        metrics={"beta": beta, **found.metrics()},
        test_metrics={} if test is None else test.metrics(),
    )


class Gpt2DPOHH(Gpt2DPO):
    """On Anthropic's helpful and harmless preferences, in ``hh-rlhf`` of the data folder."""

    base = "gpt2-dpo-hh"

    def pairs(self, part: Part) -> list[Pair]:
        """Return the pairs of ``harmless-base`` and ``helpful-base``."""
        return hh_pairs(self.folder / "hh-rlhf", part)


class Gpt2DPOSHP(Gpt2DPO):
    """On Stanford's preferences between Reddit answers, in ``SHP`` of the data folder."""

    base = "gpt2-dpo-shp"

    def pairs(self, part: Part) -> list[Pair]:
        """Return the pairs of every subreddit with a score ratio of 2 or more."""
        return shp_pairs(self.folder / "SHP", part)


def language_task(name: str, data: Path | None = None) -> Gpt2DPO:
    """Return a task of :data:`evaluators.tasks.language.names.LANGUAGE` over a folder of data sets."""
    base, beta = LANGUAGE[name]
    kinds: dict[str, type[Gpt2DPO]] = {kind.base: kind for kind in (Gpt2DPOHH, Gpt2DPOSHP)}
    return kinds[base](data, beta)
