"""Checks that REINFORCE follows the true gradient, and that a wrong scheme would be found out.

On a space small enough to list, the gradient of the expected reward is known exactly: the sum over
all points of probability times reward, differentiated. The estimate under test is what the
controller itself leaves in its policy's gradients after an update on samples of that policy.

The wrong scheme credits every fresh sample with the mean reward of the run instead of its own. It
runs, its loss looks alive, and it learns nothing: its expectation is zero.
"""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from nas.controllers.reinforce import Reinforce
from nas.seeding import generator
from nas.trial import Proposal, Result
from searchspaces import Choice
from searchspaces.labels import Labelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from nas.controllers.policy import Policy
    from searchspaces import Decisions

SAMPLES = 20_000
PART = 500  # samples of one update; the gradients of all are added up
STANDSTILL = 1e-12  # a learning rate at which Adam's step is below the rounding of the weights
OPTIONS = 3


class Tiny(Labelled):
    """Three decisions of three options each: 27 points, all of which can be listed."""

    name = "tiny"

    def __init__(self) -> None:
        """Make the choices."""
        labels = tuple(f"choice_{i}" for i in range(OPTIONS))
        self.choices = tuple(Choice(f"place.{i}", f"place_{i}", labels) for i in range(3))

    def points(self) -> list[Decisions]:
        """Return all points."""
        return list(itertools.product(*(range(len(choice)) for choice in self.choices)))


@dataclass(frozen=True, slots=True)
class Agreement:
    """How an estimate of the gradient compares with the exact one.

    ``cosine`` is of the angle between them. ``share`` is the length of the estimate along the
    exact gradient, as a share of that gradient's length: 1 for a true estimate, 0 for noise.
    """

    cosine: float
    share: float


@dataclass(frozen=True, slots=True)
class Check:
    """What a self-check has found. ``log_p_error`` is the greatest difference in nats.

    ``mean_credit`` has the mean over ``samples / PART`` batches of fresh samples: the direction of
    noise is of any angle, and only on the average square to the exact gradient.
    """

    reinforce: Agreement
    mean_credit: Agreement
    log_p_error: float
    samples: int


def value(point: Decisions) -> float:
    """Return the reward of a point of the tiny space, 0 to 1; decisions also act in pairs."""
    first, second, third = point
    alone = 0.1 * first + 0.25 * (second == 1) + 0.05 * third
    return alone + 0.2 * (first == second) + 0.15 * (second == third)


def check(samples: int = SAMPLES, seed: int = 0) -> Check:
    """Compare the controller's gradient and the wrong scheme's with the exact one.

    ``samples`` is a multiple of ``PART``; ValueError otherwise.
    """
    if samples < PART or samples % PART:
        raise ValueError(f"samples is {samples}, allowed are multiples of {PART}")
    space = Tiny()
    # The policy gradient alone: no entropy bonus, no push towards the best so far.
    controller = Reinforce(
        space, seed, learning_rate=STANDSTILL, batch=PART, entropy_weight=0.0, elite_weight=0.0
    )
    policy, draws = controller.policy, generator(seed, "selfcheck")
    exact = exact_gradient(policy, space, value)
    estimate, credited = torch.zeros_like(exact), []
    error = 0.0
    for part in range(samples // PART):
        drawn = policy.samples(PART, draws)
        error = max(error, log_p_error(policy, drawn))
        credited.append(_agreement(mean_credit_gradient(policy, drawn), exact))
        for number, (point, log_p) in enumerate(drawn, part * PART):
            proposal = Proposal(point, note={"log_p": log_p})
            controller.tell(Result(number, proposal, value(point), {}))
        # The controller descends, and divides its advantage by the spread of recent rewards.
        estimate -= _gradient(policy) * statistics.pstdev(controller.recent)
    mean_credit = Agreement(
        statistics.fmean(one.cosine for one in credited),
        statistics.fmean(one.share for one in credited),
    )
    return Check(_agreement(estimate / len(credited), exact), mean_credit, error, samples)


def exact_gradient(policy: Policy, space: Tiny, reward: Callable[[Decisions], float]) -> Tensor:
    """Return the gradient of the expected reward in all parameters, (parameters,)."""
    points = space.points()
    log_p, _ = policy(torch.tensor(points))  # (points,)
    rewards = torch.tensor([reward(point) for point in points])
    policy.zero_grad()
    (log_p.exp() * rewards).sum().backward()
    return _gradient(policy)


def mean_credit_gradient(policy: Policy, drawn: list[tuple[Decisions, float]]) -> Tensor:
    """Return the estimate of a scheme that credits every sample with the mean reward of all."""
    mean = sum(value(point) for point, _ in drawn) / len(drawn)
    log_p, _ = policy(torch.tensor([point for point, _ in drawn]))
    policy.zero_grad()
    (mean * log_p).mean().backward()
    return _gradient(policy)


def log_p_error(policy: Policy, drawn: list[tuple[Decisions, float]]) -> float:
    """Return the greatest difference between stored and recomputed log-probabilities, in nats."""
    with torch.no_grad():
        again, _ = policy(torch.tensor([point for point, _ in drawn]))
    stored = torch.tensor([log_p for _, log_p in drawn])
    return float((again - stored).abs().max())


def _gradient(policy: Policy) -> Tensor:
    """Return a copy of the gradients as one vector; a parameter without one counts as zeros."""
    return torch.cat(
        [
            (torch.zeros_like(p) if p.grad is None else p.grad.detach()).flatten().clone()
            for p in policy.parameters()
        ]
    )


def _agreement(estimate: Tensor, exact: Tensor) -> Agreement:
    along = float(estimate @ exact)
    length = float(exact.norm())
    return Agreement(along / (float(estimate.norm()) * length or 1.0), along / length**2)
