"""How the policy of a search has changed, from the controller's last snapshot."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

from nas.controllers.policy_history import KEY, pictures
from searchspaces import SpaceError
from searchspaces.registry import RegistryError
from service import architectures
from service.schemas import View
from service.searchrows import SearchRows

if TYPE_CHECKING:
    from service.db import Database

DEEPEST = 8  # controllers around a controller


class PolicyChoice(View):
    """A decision: its options, and for each picture how probable each is, in 255ths."""

    name: str
    kind: str
    options: list[str]
    shares: list[list[int]]


class PolicyView(View):
    """Pictures of the policy of ``reinforce`` and ``ppo``, after every ``every`` updates.

    ``told`` is the number of results that the policy had learned from at each. A decision depends
    on those before it: the shares are means over what the policy drew. Empty for controllers
    without a policy, and before the first update.
    """

    every: int
    told: list[int]
    choices: list[PolicyChoice]


def policy(database: Database, search_id: str) -> PolicyView:
    """Return the pictures of a search's policy."""
    with database.read() as connection:
        rows = SearchRows(connection, search_id)
        spec, packed = rows.search().spec, rows.snapshot()
    state = None if packed is None else _found(json.loads(zlib.decompress(packed)), DEEPEST)
    if state is None or not state["told"]:
        return PolicyView(every=1, told=[], choices=[])
    try:
        choices = architectures.space_of(spec).choices
    except (RegistryError, SpaceError):  # the space is gone, or has changed
        return PolicyView(every=1, told=[], choices=[])
    shown, at = [], 0
    seen = pictures(state)
    for choice in choices:
        shares = [list(one[at : at + len(choice)]) for one in seen]
        at += len(choice)
        options = list(choice.options)
        shown.append(
            PolicyChoice(name=choice.name, kind=choice.kind, options=options, shares=shares)
        )
    return PolicyView(every=state["every"], told=state["told"], choices=shown)


def _found(state: Any, depth: int) -> dict[str, Any] | None:
    """Return the history in the state of a controller, or of one inside it."""
    if not isinstance(state, dict) or depth == 0:
        return None
    if isinstance(state.get(KEY), dict):
        found: dict[str, Any] = state[KEY]
        return found
    inner = (_found(one, depth - 1) for one in state.values())
    return next((one for one in inner if one is not None), None)
