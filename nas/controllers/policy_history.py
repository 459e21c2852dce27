"""How a policy's softmaxes have changed: a picture of them after every few updates, thinned."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.controllers.policy import Policy

KEY = "policy_history"  # in the state of a controller
MOST = 240  # pictures; when there are more, every second one goes
RESULTS = 4  # from one picture to the next, at first
POINTS = 32  # drawn for the mean of the softmaxes that depend on earlier decisions


class PolicyHistory:
    """Pictures of a policy: the mean probability of each option of each decision, in 255ths."""

    def __init__(self, seed: int, batch: int) -> None:
        """Begin with none. The draws are from ``seed``, the same for all pictures.

        A picture takes a third of the time of a trial's sampling and update together (nasnet,
        REINFORCE, 31 of 107 ms): so the first are ``RESULTS`` results apart.
        """
        self.seed = seed
        self.every = max(1, RESULTS // batch)  # updates from one picture to the next
        self.updates = 0
        self.told: list[int] = []  # results that the policy had been told, by picture
        self.pictures: list[bytes] = []

    def note(self, policy: Policy, told: int) -> None:
        """Count an update, and keep a picture if it is time for one."""
        self.updates += 1
        if self.updates % self.every:
            return
        import torch  # only here: the API reads pictures without it

        shares = policy.shares(POINTS, torch.Generator().manual_seed(self.seed))
        self.told.append(told)
        self.pictures.append(bytes((shares * 255).round().to(torch.uint8).tolist()))
        if len(self.pictures) > MOST:
            self.told, self.pictures = self.told[1::2], self.pictures[1::2]
            self.every *= 2

    def state(self) -> dict[str, Any]:
        """Return all pictures as JSON data."""
        data = base64.b64encode(b"".join(self.pictures)).decode("ascii")
        return {
            "seed": self.seed,
            "every": self.every,
            "updates": self.updates,
            "told": self.told,
            "data": data,
        }

    def load(self, state: dict[str, Any] | None) -> None:
        """Take the pictures over; None is the state of a version that kept none."""
        if state is not None:
            self.seed = state["seed"]
            self.every, self.updates = state["every"], state["updates"]
            self.told, self.pictures = list(state["told"]), pictures(state)


def pictures(state: dict[str, Any]) -> list[bytes]:
    """Return the pictures of a state: each a byte for every option of every decision, in order."""
    data, count = base64.b64decode(state["data"]), len(state["told"])
    size = len(data) // count if count else 0
    return [data[i * size : (i + 1) * size] for i in range(count)]
