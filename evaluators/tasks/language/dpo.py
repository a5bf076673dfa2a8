"""Direct preference optimisation by trl's trainer, watched and scored by us."""

from __future__ import annotations

import math
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from evaluators.tasks.language.model import no_progress_bars
from evaluators.tasks.language.preferences import Pair
from evaluators.training.pieces import Diverged, check_deadline, curve_of, groups_of, make_optimiser, make_schedule
from evaluators.training.task import Recipe
from primitives import ActsearchError


@dataclass(frozen=True)
class Settings:
    """How long, where and how hard.

    Attributes:
        recipe: batch size, learning rate and its schedule, clipping, precision.
        beta: penalty on leaving the reference.
        steps: optimiser steps.
        seed: of the order of pairs.
        device: where the policy lies.
        deadline: on the clock of :func:`time.monotonic`.
        longest: tokens of a prompt with its answer.
    """

    recipe: Recipe
    beta: float
    steps: int
    seed: int
    device: torch.device
    deadline: float
    longest: int


@dataclass(frozen=True)
class Scores:
    """Means over the pairs of a part.

    Attributes:
        loss: DPO's.
        accuracy: share of pairs whose chosen answer has the larger reward.
        chosen_reward, rejected_reward: ``beta*log(policy/reference)`` of the answers.
    """

    loss: float
    accuracy: float
    chosen_reward: float
    rejected_reward: float

    def metrics(self) -> dict[str, float]:
        """Return everything but the loss by name, with the margin between the rewards."""
        return {
            "margin_reward": self.chosen_reward - self.rejected_reward,
            "reward_accuracy": self.accuracy,
            "chosen_reward": self.chosen_reward,
            "rejected_reward": self.rejected_reward,
        }


class Tuning:
    """One policy's DPO.

    Args:
        trainer: trl's, whose evaluation sets are named by part.
        settings: what it was made from.
        losses: the trainer's callback appends to it.
    """

    def __init__(self, trainer: Any, settings: Settings, losses: list[float]) -> None:
        self._trainer, self._settings, self._losses = trainer, settings, losses

    def run(self) -> tuple[float, ...]:
        """Train the policy in place and return its training loss over 20 equal stretches.

        Raises:
            Diverged: the loss stopped being finite.
            Late: the deadline has passed.
        """
        self._trainer.train()
        return curve_of(torch.tensor(self._losses))

    @torch.no_grad()
    def score(self, part: str) -> Scores:
        """Score the policy as it is on one part, every pair counting alike.

        Raises:
            Diverged: a reward is not finite.
            Late: the deadline has passed.
        """
        trainer = self._trainer
        trainer.model.eval()
        chosen: list[Tensor] = []
        rejected: list[Tensor] = []
        for inputs in trainer.get_eval_dataloader(part):
            check_deadline(self._settings.deadline)
            policy = trainer.compute_ref_log_probs(trainer.model, inputs)
            reference = trainer.compute_ref_log_probs(trainer.ref_model, inputs)
            for found, mine, frozen in zip((chosen, rejected), policy, reference, strict=True):
                found.append(self._settings.beta * (mine - frozen).cpu().double())
        return _scores(torch.cat(chosen), torch.cat(rejected))


def _scores(chosen: Tensor, rejected: Tensor) -> Scores:
    margins = chosen - rejected
    if not bool(margins.isfinite().all()):
        raise Diverged("its rewards are not finite after training")
    values = (-nn.functional.logsigmoid(margins), (margins > 0).double(), chosen, rejected)
    return Scores(*(round(float(value.mean()), 8) for value in values))


@contextmanager
def tuning(
    policy: Any, reference: Any, tokenizer: Any, parts: Mapping[str, Sequence[Pair]], settings: Settings
) -> Iterator[Tuning]:
    """Prepare trl's trainer; what it writes goes to a folder that is gone afterwards.

    Args:
        policy: trained in place.
        reference: the same network before training, frozen by the trainer.
        tokenizer: of both.
        parts: ``train`` is trained on; each can be scored.
        settings: how.

    Raises:
        ActsearchError: several GPUs are visible, which trl would spread the batch over.
    """
    import datasets
    from transformers import PrinterCallback
    from trl import DPOTrainer

    if settings.device.type == "cuda" and torch.cuda.device_count() > 1:
        raise ActsearchError("trl trains on one GPU at a time here; make one visible, as in CUDA_VISIBLE_DEVICES=0")
    tables = {name: datasets.Dataset.from_list([vars(pair) for pair in pairs]) for name, pairs in parts.items()}
    optimiser = make_optimiser(groups_of(policy, settings.recipe), settings.recipe)
    losses: list[float] = []
    with tempfile.TemporaryDirectory() as folder, no_progress_bars(), _their_own_deprecations():
        trainer = DPOTrainer(
            model=policy,
            ref_model=reference,
            args=_arguments(settings, folder),
            train_dataset=tables["train"],
            eval_dataset=tables,
            processing_class=tokenizer,
            callbacks=[_watch(settings.deadline, losses)],
            optimizers=(optimiser, make_schedule(optimiser, settings.recipe, settings.steps)),
        )
        trainer.remove_callback(PrinterCallback)
        yield Tuning(trainer, settings, losses)


def _arguments(settings: Settings, folder: str) -> Any:
    """Return trl's configuration: nothing saved, nothing reported, every loss logged as it is."""
    from trl import DPOConfig

    on_gpu = settings.device.type == "cuda"
    return DPOConfig(
        output_dir=folder,
        max_steps=settings.steps,
        per_device_train_batch_size=settings.recipe.batch_size,
        per_device_eval_batch_size=settings.recipe.batch_size,
        max_grad_norm=settings.recipe.clip,
        beta=settings.beta,
        max_length=settings.longest,
        seed=settings.seed,
        data_seed=settings.seed,
        use_cpu=settings.device.type == "cpu",
        bf16=settings.recipe.precision == "bfloat16",
        gradient_checkpointing=False,
        dataloader_pin_memory=on_gpu,
        save_strategy="no",
        report_to="none",
        logging_steps=1,
        logging_nan_inf_filter=False,
        disable_tqdm=True,
    )


def _watch(deadline: float, losses: list[float]) -> Any:
    """Return a callback that keeps the losses and stops a training that is late or has diverged."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        """Looks at every step."""

        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Look at the clock."""
            del args, state, control
            check_deadline(deadline)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
            """Look at the loss."""
            del args, state, control
            if (loss := (logs or {}).get("loss")) is not None:
                if not math.isfinite(loss):
                    raise Diverged("its loss is not finite in preference optimisation")
                losses.append(loss)

    return Watch()


@contextmanager
def _their_own_deprecations() -> Iterator[None]:
    """Hide that trl still calls transformers' activation checkpointing by its old name, which only they can mend."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`(is_)?gradient_checkpointing` is deprecated", FutureWarning)
        yield
