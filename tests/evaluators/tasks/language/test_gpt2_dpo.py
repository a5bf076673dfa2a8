from __future__ import annotations

import copy
import dataclasses
import math
import random
import time
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from evaluators.tasks.language import dpo, model, supervised
from evaluators.tasks.language.gpt2_dpo import Gpt2DPOHH, Gpt2DPOSHP, language_task
from evaluators.tasks.language.names import BETAS, LANGUAGE
from evaluators.tasks.language.preferences import Pair
from evaluators.tasks.randomness import every_generator
from evaluators.training.pieces import Diverged
from evaluators.training.pulse import Late
from evaluators.training.task import Recipe
from primitives import ActsearchError, compile_expression, parse
from tests.evaluators.tasks.language.helpers import hh_rows, shp_row, write_gpt2, write_lines

pytest.importorskip("trl")
CPU = torch.device("cpu")
FAST = Recipe(steps=12, batch_size=4, learning_rate=3e-3, weight_decay=0.0)
LEARNABLE = "x*sigmoid(beta*x); beta=1.5"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_gpt2(folder / "gpt2")
    rows = hh_rows()
    write_lines(folder / "hh-rlhf" / "harmless-base" / "train.jsonl.gz", rows)
    write_lines(folder / "hh-rlhf" / "harmless-base" / "test.jsonl.gz", rows[:3])
    for part, count in (("train", 6), ("validation", 3), ("test", 2)):
        posts = [shp_row(f"Post {at}?", (9, 2) if at % 2 else (1, 4)) for at in range(count)]
        write_lines(folder / "SHP" / "askbaking" / f"{part}.json", posts)
    return folder


def activation(text: str = LEARNABLE):
    return compile_expression(parse(text)).module


def small(task):
    """Give a task rates and batches that move a tiny network."""
    task.recipe = FAST
    task.supervised = dataclasses.replace(FAST, steps=2)
    return task


def run(task, steps=3, seed=1, text=LEARNABLE, deadline=math.inf, score_test=False):
    return task.train(activation(text), 1.0, steps, seed, CPU, deadline, score_test)


def settings(steps: int, deadline: float = math.inf, recipe: Recipe = FAST) -> dpo.Settings:
    return dpo.Settings(recipe, 0.5, steps, 0, CPU, deadline, 512)


@contextmanager
def tuned(*arguments):
    """Prepare DPO, and leave the global generators as they were."""
    with every_generator(0, CPU), dpo.tuning(*arguments) as tuning:
        yield tuning


def test_training_raises_the_margin_from_exactly_zero(data):
    policy, tokenizer = model.load(data / "gpt2", activation())
    pairs = Gpt2DPOHH(data).pairs("train")
    supervised.tune(policy, tokenizer, pairs, dataclasses.replace(FAST, steps=2), 0, CPU, math.inf)
    with tuned(policy, copy.deepcopy(policy), tokenizer, {"train": pairs}, settings(12)) as tuning:
        before = tuning.score("train")
        tuning.run()
        after = tuning.score("train")
    assert before.chosen_reward == before.rejected_reward == before.accuracy == 0
    assert before.loss == pytest.approx(math.log(2))
    assert after.metrics()["margin_reward"] > 0.1
    assert after.loss < before.loss
    assert after.accuracy == 1


def test_rewards_and_loss_are_those_of_the_paper(data):
    policy, tokenizer = model.load(data / "gpt2", activation())
    reference, _ = model.load(data / "gpt2", activation("relu(x)"))
    pairs = Gpt2DPOHH(data).pairs("test")
    rewards = []
    for answers in ([p.chosen for p in pairs], [p.rejected for p in pairs]):
        rewards.append([0.5 * (_logp(policy, tokenizer, p.prompt, a) - _logp(reference, tokenizer, p.prompt, a))
                        for p, a in zip(pairs, answers, strict=True)])  # fmt: skip
    chosen, rejected = torch.tensor(rewards)
    with tuned(policy, reference, tokenizer, {"train": pairs, "test": pairs}, settings(1)) as tuning:
        scores = tuning.score("test")
    assert scores.chosen_reward == pytest.approx(float(chosen.mean()), abs=1e-4)
    assert scores.rejected_reward == pytest.approx(float(rejected.mean()), abs=1e-4)
    loss = -torch.nn.functional.logsigmoid(chosen - rejected).mean()
    assert scores.loss == pytest.approx(float(loss), abs=1e-4)


@torch.no_grad()
def _logp(network, tokenizer, prompt: str, answer: str) -> float:
    start = len(tokenizer(prompt)["input_ids"])
    ids = torch.tensor([tokenizer(prompt + answer)["input_ids"] + [tokenizer.eos_token_id]])
    logps = network.eval()(ids).logits.log_softmax(-1)[0, :-1]
    return float(logps[torch.arange(ids.shape[1] - 1), ids[0, 1:]][start - 1 :].sum())


def test_the_candidate_is_in_every_block_and_its_parameter_learns(data):
    policy, tokenizer = model.load(data / "gpt2", activation())
    acts = [block.mlp.act for block in policy.transformer.h]
    assert [type(act).__name__ for act in acts] == ["Activation", "Activation"]
    assert acts[0] is not acts[1]
    starts = [act.beta.item() for act in acts]
    supervised.tune(policy, tokenizer, Gpt2DPOHH(data).pairs("train"), FAST, 0, CPU, math.inf)
    assert all(abs(act.beta.item() - start) > 1e-4 for act, start in zip(acts, starts, strict=True))
    fixed = [act.beta.item() for act in acts]
    parts = {"train": Gpt2DPOHH(data).pairs("train")}
    with tuned(policy, copy.deepcopy(policy), tokenizer, parts, settings(4)) as tuning:
        tuning.run()
    assert all(abs(act.beta.item() - start) > 1e-5 for act, start in zip(acts, fixed, strict=True))


@pytest.mark.parametrize("made", [Gpt2DPOHH, Gpt2DPOSHP])
def test_equal_seeds_give_equal_outcomes_whatever_ran_before_and_leave_the_generators_alone(data, made):
    random.seed(5)
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    first = run(small(made(data)), score_test=True)
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])
    torch.rand(7)
    assert run(small(made(data)), score_test=True) == first
    assert run(small(made(data)), seed=2, score_test=True).curve != first.curve
    assert first.metrics["margin_reward"] == pytest.approx(
        first.metrics["chosen_reward"] - first.metrics["rejected_reward"]
    )
    assert first.error == 1 - first.metrics["reward_accuracy"]
    assert first.test_error == 1 - first.test_metrics["reward_accuracy"]
    assert first.metrics["beta"] == 0.1


def test_the_test_part_is_read_only_when_it_is_asked_for(data, monkeypatch):
    task, seen = small(Gpt2DPOHH(data)), []
    pairs = task.pairs
    monkeypatch.setattr(task, "pairs", lambda part: seen.append(part) or pairs(part))
    outcome = run(task, steps=1)
    assert outcome.test_error is None
    assert outcome.test_loss is None
    assert seen == ["train", "validation"]


def test_deadline_and_divergence_stop_either_phase(data):
    task = small(Gpt2DPOHH(data))
    with pytest.raises(Late):
        run(task, deadline=time.monotonic() - 1)
    with pytest.raises(Diverged, match="supervised"):
        run(task, text="exp(x**4*1000)")
    policy, tokenizer = model.load(data / "gpt2", activation())
    parts = {"train": task.pairs("train")}
    late = settings(3, deadline=time.monotonic() - 1)
    with tuned(policy, copy.deepcopy(policy), tokenizer, parts, late) as tuning, pytest.raises(Late):
        tuning.run()
    wild = settings(6, recipe=dataclasses.replace(FAST, learning_rate=1e30))
    with tuned(policy, copy.deepcopy(policy), tokenizer, parts, wild) as tuning, pytest.raises(Diverged):
        tuning.run()


def test_long_prompts_keep_their_end_and_beta_is_in_the_name(data):
    _, tokenizer = model.load(data / "gpt2", activation())
    [pair] = model.shortened([Pair("x" * 40 + "\n\nAssistant:", " a", " b")], tokenizer, 16)
    assert pair.prompt == "xxxx\n\nAssistant:"[-16:]
    assert [Gpt2DPOSHP(data, beta).name for beta in BETAS[:2]] == ["gpt2-dpo-shp", "gpt2-dpo-shp-beta1"]
    assert {name: language_task(name, data).name for name in LANGUAGE} == {name: name for name in LANGUAGE}
    assert language_task("gpt2-dpo-hh-beta5", data).beta == 5
    with pytest.raises(ActsearchError, match="beta is 0; it must be a positive number"):
        Gpt2DPOHH(data, beta=0)


def test_missing_files_and_packages_say_what_to_put_where_or_install(data, tmp_path, monkeypatch):
    with pytest.raises(ActsearchError, match="put the folders harmless-base"):
        Gpt2DPOHH(tmp_path).check()
    monkeypatch.setenv("ACTSEARCH_DATA", str(tmp_path))
    (tmp_path / "hh-rlhf").symlink_to(data / "hh-rlhf")
    with pytest.raises(ActsearchError, match=r"there is no config.json in .*put .* from https://huggingface.co/"):
        Gpt2DPOHH().check()
    write_gpt2(tmp_path / "gpt2")
    (tmp_path / "gpt2" / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ActsearchError, match="no GPT-2 that transformers can read"):
        Gpt2DPOHH().check()
    Gpt2DPOHH(data).check()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "trl" else object())
    with pytest.raises(ActsearchError, match=r"needs the package trl; run pip install 'actsearch\[language\]'"):
        Gpt2DPOHH(data).check()
