"""Contract tests of tasks and executors: subclass them to check your own. Needs pytest.

Example::

    class TestMyTask(TaskContract):
        @pytest.fixture
        def task(self):
            return MyTask()
"""

from __future__ import annotations

import math

try:
    import pytest
except ModuleNotFoundError:
    raise ImportError("evaluators.testing needs pytest: pip install 'actsearch[test]'") from None
import torch

from evaluators.tasks.check import check_task
from evaluators.training.cohort.trainer import run_job
from evaluators.training.executors.executor import Executor, Hearing, no_audience
from evaluators.training.job import Cohort, Evaluation, Halving, Job
from evaluators.training.pieces import on_device, pick_device, weights_type
from evaluators.training.task import Part, Task
from evaluators.training.user_code.sending import packed, unpacked

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
        assert torch.equal(first, self.again(task).data("train").inputs)

    def again(self, task: Task) -> Task:
        """Return the task made anew; override it when its class takes arguments."""
        return type(task)()

    def test_initial_noise_is_the_same_for_every_activation(self, task: Task) -> None:
        """Equal seeds give equal initial weights up to one factor a tensor, so comparisons are paired."""
        torch.manual_seed(0)
        one = [p.detach().clone() for p in task.network(torch.nn.ReLU, 1.0).parameters()]
        torch.manual_seed(0)
        other = [p.detach().clone() for p in task.network(torch.nn.Tanh, 1.0).parameters()]
        assert all(torch.allclose(a * b.norm(), b * a.norm(), rtol=1e-4) for a, b in zip(one, other, strict=True))

    def test_the_gain_scales_some_weight_and_moves_no_other_draw(self, task: Task) -> None:
        """Doubling the gain doubles the weights after an activation and leaves the rest."""
        torch.manual_seed(0)
        one = [p.detach().clone() for p in task.network(torch.nn.ReLU, 1.0).parameters()]
        torch.manual_seed(0)
        two = [p.detach().clone() for p in task.network(torch.nn.ReLU, 2.0).parameters()]
        same = [torch.equal(a, b) for a, b in zip(one, two, strict=True)]
        if not task.scale_controlled:
            assert all(same)
            return
        doubled = [torch.allclose(2 * a, b) for a, b in zip(one, two, strict=True)]
        assert all(s or d for s, d in zip(same, doubled, strict=True))
        assert not all(same)

    def test_loss_and_error_have_the_promised_shapes(self, task: Task) -> None:
        """The loss is a finite scalar, the error one number an example."""
        data = on_device(task.data("validation"), task.recipe, pick_device("cpu"))
        inputs, targets = task.batch(data, torch.arange(min(5, len(data))), None)
        outputs = task.network(torch.nn.ReLU, 1.0).to(weights_type(task.recipe))(inputs)
        loss, error = task.loss(outputs, targets), task.error(outputs, targets)
        assert loss.shape == ()
        assert torch.isfinite(loss)
        assert error.shape == (len(inputs),)

    def test_training_lowers_the_loss_and_is_deterministic(self, task: Task) -> None:
        """Thirty steps learn something, twice the same."""
        text, gain = ("tanh(x)", 1.6) if task.needs else ("relu(x)", math.sqrt(2))
        job = Job(1, text, gain, "t", 30, (0,))
        first, second = (run_job(job, task, pick_device("cpu"))[0] for _ in range(2))
        assert first.status == "ok"
        assert first.curve[-1] < first.curve[0]
        assert (first.error, first.loss, first.curve) == (second.error, second.loss, second.curve)

    def test_the_check_before_a_campaign_finds_nothing(self, task: Task) -> None:
        """What ``launch`` looks at is right, and the task comes through to another process."""
        check_task(task, "ray")

    def test_it_trains_the_same_after_the_way_to_a_worker(self, task: Task) -> None:
        """The state that is sent is the whole state."""
        job = Job(1, "relu(x)", math.sqrt(2), "t", 5, (0,))
        sent = unpacked(packed({"t": task}))["t"]
        here, there = (run_job(job, each, pick_device("cpu"))[0] for each in (task, sent))
        assert (here.status, here.error, here.loss) == (there.status, there.error, there.loss)


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
        """Collect until nothing is in flight; return the evaluations by candidate."""
        answers: dict[int, list[Evaluation]] = {}
        while finished := executor.collect():
            for cohort, evaluations in finished:
                candidates = [job.candidate for job in cohort.jobs]
                assert not answers.keys() & candidates, "a job was answered twice"
                answers |= dict(zip(candidates, evaluations, strict=True))
        return answers

    def test_every_job_is_answered_once_with_one_evaluation_a_seed(self, executor: Executor) -> None:
        """More cohorts than slots are queued, not lost."""
        count = executor.capacity + 1
        for number in range(count):
            executor.submit(Cohort((self.job(2 * number, seeds=(3, 4)), self.job(2 * number + 1, seeds=(3, 4)))))
        answers = self.drain(executor)
        assert set(answers) == set(range(2 * count))
        assert all([e.seed for e in evaluations] == [3, 4] for evaluations in answers.values())
        assert all(e.candidate == number for number, evaluations in answers.items() for e in evaluations)
        assert all(e.status == "ok" for evaluations in answers.values() for e in evaluations)

    def test_the_cohort_handed_back_is_the_one_submitted(self, executor: Executor) -> None:
        """Whoever submitted it finds it again, with its halving."""
        cohort = Cohort((self.job(1), self.job(2, "tanh(x)")), Halving((2,), 0.5))
        executor.submit(cohort)
        ((back, answers),) = executor.collect()
        assert back == cohort
        assert len(answers) == 2
        assert sorted(evaluations[-1].steps for evaluations in answers) == [2, 5]

    def test_a_listener_hears_how_far_a_cohort_is_and_what_it_raises_is_raised_here(self, executor: Executor) -> None:
        """It is no fault of a training."""
        heard: list[Hearing] = []
        executor.audience = heard.extend
        cohort = Cohort((self.job(1, steps=100), self.job(2, "tanh(x)", steps=100)))
        executor.submit(cohort)
        self.drain(executor)
        steps = [hearing.pulse.done for hearing in heard if hearing.pulse]
        assert steps == sorted(steps)
        assert {hearing.cohort for hearing in heard} == {cohort}
        assert all(hearing.pulse.steps == 100 for hearing in heard if hearing.pulse)

        def stop(_: object) -> None:
            raise KeyError("enough")

        executor.audience = stop
        executor.submit(cohort)
        with pytest.raises(KeyError, match="enough"):
            self.drain(executor)
        executor.audience = no_audience
        self.drain(executor)

    def test_nothing_in_flight_collects_nothing(self, executor: Executor) -> None:
        """An idle executor does not block."""
        assert executor.collect() == []

    def test_a_worker_holds_at_least_one_candidate_of_a_known_task(self, executor: Executor) -> None:
        """Sizes are positive, the same when asked twice, and an unknown task surfaces at once."""
        assert executor.members(self.TASK, 2) == executor.members(self.TASK, 2) >= 1
        with pytest.raises(KeyError):
            executor.members("no-such-task", 2)

    def test_an_unreadable_expression_costs_one_row_of_its_cohort(self, executor: Executor) -> None:
        """The fault is answered as a status; the others of the cohort have numbers."""
        executor.submit(Cohort((self.job(1), self.job(2, "no_such_function(x)"), self.job(3))))
        answers = self.drain(executor)
        assert {number: answer[0].status for number, answer in answers.items()} == {1: "ok", 2: "crashed", 3: "ok"}

    def test_a_diverging_candidate_has_a_status_and_no_numbers(self, executor: Executor) -> None:
        """Non-finite losses never become objective values, and stay with their candidate."""
        executor.submit(Cohort((self.job(1, "exp(exp(x**2))", steps=20), self.job(2, steps=20))))
        answers = self.drain(executor)
        assert (answers[1][0].status, answers[2][0].status) == ("diverged", "ok")
        assert answers[1][0].error is None

    def test_an_unknown_task_is_refused_at_submission(self, executor: Executor) -> None:
        """Programming errors surface at once."""
        with pytest.raises(KeyError):
            executor.submit(Cohort((Job(1, "relu(x)", 1.0, "no-such-task", 1, (0,)),)))

    def test_results_equal_those_of_this_process(self, executor: Executor) -> None:
        """Where a job runs does not change what it answers (CPU)."""
        from evaluators.tasks.catalogue import load_task

        executor.submit(Cohort((self.job(1, steps=20),)))
        (there,) = self.drain(executor)[1]
        torch.set_num_threads(1)
        (here,) = run_job(self.job(1, steps=20), load_task(self.TASK), pick_device("cpu"))
        assert there.error == here.error
        assert there.loss == pytest.approx(here.loss, rel=1e-6)
