"""REINFORCE follows the exact gradient, a wrong scheme does not, and odd rewards change nothing."""

from __future__ import annotations

import json
import random

import pytest
import torch

from nas.controllers.reinforce import Reinforce
from nas.execution import Executor, Finished, Progress
from nas.loop import run
from nas.memory import Memory, MemoryStore
from nas.objective import Objective
from nas.selfcheck import Tiny, check, exact_gradient, value
from nas.spec import Execution, Part, Setup
from nas.store import Control, Desired
from nas.trial import Failure, FailureKind, Outcome
from searchspaces.toy import Toy


@pytest.fixture(scope="module")
def found():
    torch.set_num_threads(1)
    return check(20_000, seed=0)


def test_the_gradient_of_20000_samples_is_the_exact_one(found):
    assert found.samples == 20_000
    assert found.reinforce.cosine > 0.99
    assert found.reinforce.share == pytest.approx(1, abs=0.05)


def test_crediting_the_mean_of_the_run_to_fresh_samples_scores_near_zero(found):
    assert abs(found.mean_credit.share) < 0.05
    assert abs(found.mean_credit.cosine) < 0.3


def test_stored_log_probabilities_are_the_recomputed_ones(found):
    assert found.log_p_error < 1e-5


def test_the_exact_gradient_is_that_of_small_steps():
    space = Tiny()
    policy = Reinforce(space, 1).policy.double()
    points = torch.tensor(space.points())
    rewards = torch.tensor([value(p) for p in space.points()], dtype=torch.float64)
    torch.set_default_dtype(torch.float64)
    try:
        gradient = exact_gradient(policy, space, value)

        def expected():
            with torch.no_grad():
                return float((policy(points)[0].exp() * rewards).sum())

        place = 0
        for parameter in policy.parameters():
            with torch.no_grad():
                parameter.view(-1)[0] += 1e-5
                above = expected()
                parameter.view(-1)[0] -= 2e-5
                below = expected()
                parameter.view(-1)[0] += 1e-5
            assert (above - below) / 2e-5 == pytest.approx(float(gradient[place]), abs=1e-8)
            place += parameter.numel()
    finally:
        torch.set_default_dtype(torch.float32)


def test_proposals_carry_the_log_probability_of_the_policy_that_drew_them():
    space = Toy()
    controller = Reinforce(space, 0, batch=50)
    for proposal in controller.ask(50):
        stored = json.loads(json.dumps(proposal.note))["log_p"]
        assert stored == pytest.approx(controller.policy.log_p(proposal.decisions), abs=1e-5)


def test_a_number_of_samples_that_cannot_be_split_is_refused():
    with pytest.raises(ValueError, match="samples is 750"):
        check(750)


class Echoing(Executor):
    """Ends jobs in a random order, and says what it has said before again and again."""

    name = "echoing"

    def __init__(self, workers, seed, echo):
        setup = Setup(space=Part(name="toy"), evaluator=Part(name="toy"))
        super().__init__(setup, Execution(workers=workers))
        self.jobs, self.said, self.echo = [], [], echo
        self.rng, self.space = random.Random(seed), Toy()

    def free(self):
        return self.execution.workers - len(self.jobs)

    def submit(self, job):
        self.jobs.append(job)

    def wait(self, timeout):  # noqa: ARG002
        if not self.jobs:
            return []
        job = self.jobs.pop(self.rng.randrange(len(self.jobs)))
        if job.number % 4 == 1 and job.attempt == 1:
            outcome = Outcome(failure=Failure(FailureKind.LOST, "the worker was lost"))
        else:
            outcome = Outcome(metrics={"accuracy": self.space.value(job.decisions)})
        news = [Finished(job.number, job.attempt, outcome)]
        if not self.echo:
            return news
        # Late: the first attempt of a lost trial reports after all, with another reward.
        wrong = Outcome(metrics={"accuracy": 99.0})
        late = [Finished(job.number, job.attempt - 1, wrong), Progress(job.number, 0, 1, {})]
        repeated = self.rng.sample(self.said, min(3, len(self.said)))
        self.said += [*news, *(Finished(f.number, f.attempt, wrong) for f in news)]
        return [*late, *news, *news, *repeated]

    def cancel(self, number):  # noqa: ARG002
        raise AssertionError("nothing is cancelled here")

    def close(self):
        self.jobs.clear()


def trained(workers, seed, *, echo):
    """Run an ordered search with REINFORCE; return its trials and the controller's memory."""
    data = Memory(control=Control(Desired.RUN, trials=24))
    space = Toy()
    controller = Reinforce(space, 0, batch=4)
    run(
        space,
        controller,
        Objective(),
        Echoing(workers, seed, echo),
        MemoryStore(data),
        ordered=True,
        poll=0,
    )
    return [(t.proposal, t.reward) for t in data.trials], controller.state_dict()


def test_late_and_out_of_order_and_repeated_rewards_change_nothing():
    undisturbed = trained(1, 0, echo=False)
    assert len(undisturbed[0]) == 24
    for workers, seed in ((1, 1), (3, 2), (4, 3)):
        assert trained(workers, seed, echo=True) == undisturbed
