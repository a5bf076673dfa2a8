"""Contract tests of tasks and executors: subclass them to check your own. Needs pytest.

Example::

    class TestMyTask(TaskContract):
        @pytest.fixture
        def task(self):
            return MyTask()
"""

from __future__ import annotations

import math

import pytest
import torch

from evaluators.cohort.trainer import run_job
from evaluators.evaluation import Evaluation, Job
from evaluators.executor import Executor
from evaluators.task import Part, Task
from evaluators.train import pick_device

PARTS: tuple[Part, ...] = ("train", "validation", "test")


class TaskContract:
    """Laws that every task obeys."""

    @pytest.fixture
    def task(self) -> Task:
        """Return the task under test; override it."""
        raise NotImplementedError

    def test_the_three_parts_are_whole_and_share_no_example(self, task: Task) -> None:
        """Inputs and targets match in length; no input row occurs in two parts."""
        seen: dict[bytes, Part] = {}
        for part in PARTS:
            data = task.data(part)
            assert len(data.inputs) == len(data.targets) > 0
            assert torch.isfinite(data.inputs).all()
            for row in data.inputs:
                assert seen.setdefault(row.numpy().tobytes(), part) == part, f"a row of {part} is also elsewhere"

    def test_data_does_not_depend_on_or_disturb_the_global_generator(self, task: Task) -> None:
        """Loading draws nothing: a campaign's randomness is its own."""
        before = torch.get_rng_state()
        first = task.data("train").inputs
        assert torch.equal(before, torch.get_rng_state())
        torch.manual_seed(123)
        assert torch.equal(first, type(task)().data("train").inputs)

    def test_initial_noise_is_the_same_for_every_activation(self, task: Task) -> None:
        """Equal seeds give equal initial weights up to the gain, so comparisons are paired."""
        torch.manual_seed(0)
        one = [p.detach().clone() for p in task.network(torch.nn.ReLU, 1.0).parameters()]
        torch.manual_seed(0)
        other = [p.detach().clone() for p in task.network(torch.nn.Tanh, 1.0).parameters()]
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))

    def test_the_gain_scales_some_weight_and_moves_no_other_draw(self, task: Task) -> None:
        """Doubling the gain doubles the weights after an activation and leaves the rest."""
        torch.manual_seed(0)
        one = [p.detach().clone() for p in task.network(torch.nn.ReLU, 1.0).parameters()]
        torch.manual_seed(0)
        two = [p.detach().clone() for p in task.network(torch.nn.ReLU, 2.0).parameters()]
        same = [torch.equal(a, b) for a, b in zip(one, two, strict=True)]
        doubled = [torch.allclose(2 * a, b) for a, b in zip(one, two, strict=True)]
        assert all(s or d for s, d in zip(same, doubled, strict=True))
        assert not all(same)

    def test_loss_and_error_have_the_promised_shapes(self, task: Task) -> None:
        """The loss is a finite scalar, the error one number an example."""
        data = task.data("validation")
        outputs = task.network(torch.nn.ReLU, 1.0)(data.inputs[:5])
        loss, error = task.loss(outputs, data.targets[:5]), task.error(outputs, data.targets[:5])
        assert loss.shape == ()
        assert torch.isfinite(loss)
        assert error.shape == (5,)

    def test_training_lowers_the_loss_and_is_deterministic(self, task: Task) -> None:
        """Thirty steps learn something, twice the same."""
        job = Job(1, "relu(x)", math.sqrt(2), "t", 30, (0,))
        first, second = (run_job(job, task, pick_device("cpu"))[0] for _ in range(2))
        assert first.status == "ok"
        assert first.curve[-1] < first.curve[0]
        assert (first.error, first.loss, first.curve) == (second.error, second.loss, second.curve)


class ExecutorContract:
    """Laws that every executor obeys; it must hold the task ``digits-vit``."""

    TASK = "digits-vit"

    @pytest.fixture
    def executor(self) -> Executor:
        """Return a started executor; override it and close it afterwards."""
        raise NotImplementedError

    def job(self, candidate: int, expression: str = "relu(x)", seeds: tuple[int, ...] = (0,), steps: int = 5) -> Job:
        """Return a short job."""
        return Job(candidate, expression, 1.4, self.TASK, steps, seeds)

    def drain(self, executor: Executor) -> dict[int, list[Evaluation]]:
        """Collect until nothing is in flight."""
        answers: dict[int, list[Evaluation]] = {}
        while finished := executor.collect():
            answers |= {job.candidate: evaluations for job, evaluations in finished}
        return answers

    def test_every_job_is_answered_once_with_one_evaluation_a_seed(self, executor: Executor) -> None:
        """More jobs than slots are queued, not lost."""
        count = 2 * executor.capacity + 1
        for number in range(count):
            executor.submit(self.job(number, seeds=(3, 4)))
        answers = self.drain(executor)
        assert set(answers) == set(range(count))
        assert all([e.seed for e in evaluations] == [3, 4] for evaluations in answers.values())
        assert all(e.status == "ok" for evaluations in answers.values() for e in evaluations)

    def test_nothing_in_flight_collects_nothing(self, executor: Executor) -> None:
        """An idle executor does not block."""
        assert executor.collect() == []

    def test_an_unreadable_expression_costs_one_row(self, executor: Executor) -> None:
        """The fault is answered as a status and the next job runs."""
        executor.submit(self.job(1, "no_such_function(x)"))
        executor.submit(self.job(2))
        answers = self.drain(executor)
        assert answers[1][0].status == "crashed"
        assert answers[2][0].status == "ok"

    def test_a_diverging_candidate_has_a_status_and_no_numbers(self, executor: Executor) -> None:
        """Non-finite losses never become objective values."""
        executor.submit(self.job(1, "exp(exp(x**2))", steps=20))
        (evaluation,) = self.drain(executor)[1]
        assert evaluation.status == "diverged"
        assert evaluation.error is None

    def test_an_unknown_task_is_refused_at_submission(self, executor: Executor) -> None:
        """Programming errors surface at once."""
        with pytest.raises(KeyError):
            executor.submit(Job(1, "relu(x)", 1.0, "no-such-task", 1, (0,)))

    def test_results_equal_those_of_this_process(self, executor: Executor) -> None:
        """Where a job runs does not change what it answers (CPU)."""
        from evaluators.tasks import load_task

        executor.submit(self.job(1, steps=20))
        (there,) = self.drain(executor)[1]
        torch.set_num_threads(1)
        (here,) = run_job(self.job(1, steps=20), load_task(self.TASK), pick_device("cpu"))
        assert there.error == here.error
        assert there.loss == pytest.approx(here.loss, rel=1e-6)
