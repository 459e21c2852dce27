"""Who calls too often, or tries many tokens, is told to wait; nobody else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.auth import token_of
from service.guard import BURST_SECONDS, WRONG_BURST
from service.rates import MOST_KEYS, Rates
from service.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

META = "/api/v1/meta"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_then_one_at_a_time_and_each_key_for_itself():
    clock = Clock()
    rates = Rates(2.0, 3, clock)
    for _ in range(3):
        assert rates.wait("a") == 0
        rates.take("a")
    assert rates.wait("a") == 0.5
    assert rates.wait("b") == 0
    clock.now += 0.5
    assert rates.wait("a") == 0
    rates.take("a")
    assert rates.wait("a") == 0.5
    clock.now += 1000  # a bucket does not fill beyond its brim
    for _ in range(3):
        assert rates.wait("a") == 0
        rates.take("a")
    assert rates.wait("a") == 0.5


def test_of_too_many_callers_the_one_that_called_longest_ago_is_forgotten():
    rates = Rates(0.001, 1, Clock())
    for key in range(MOST_KEYS):
        rates.take(key)
    rates.take(0)
    rates.take("one more")
    assert rates.wait(0) > 0
    assert rates.wait(1) == 0
    assert rates.wait(2) > 0


def test_wrong_tokens_are_counted_by_address_and_who_was_known_goes_on(
    anonymous: TestClient, settings: Settings
) -> None:
    right = {"Authorization": f"Bearer {token_of(settings)}"}
    assert anonymous.get(META, headers=right).status_code == 200
    assert anonymous.get(META).status_code == 401  # without any token: no guess
    statuses = [
        anonymous.get(META, headers={"Authorization": f"Bearer wrong{n}"}).status_code
        if n % 2
        else anonymous.post("/api/v1/login", json={"token": f"wrong{n}"}).status_code
        for n in range(WRONG_BURST)
    ]
    assert set(statuses) == {401}
    guess = anonymous.get(META, headers={"Authorization": "Bearer another"})
    assert guess.status_code == 429
    assert guess.json()["field"] == "token"
    assert 1 <= int(guess.headers["retry-after"]) <= 5
    signing_in = anonymous.post("/api/v1/login", json={"token": token_of(settings)})
    assert signing_in.status_code == 429  # right or wrong: it is not looked at
    assert anonymous.get(META, headers=right).status_code == 200
    assert anonymous.get(META).status_code == 401
    assert anonymous.get("/").status_code == 200
    elsewhere = TestClient(anonymous.app, base_url="http://localhost:8000", client=("10.0.0.9", 1))
    assert elsewhere.post("/api/v1/login", json={"token": token_of(settings)}).status_code == 204


def test_a_token_that_calls_too_often_waits_and_another_does_not(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path / "home", requests_per_second=2)
    right = {"Authorization": f"Bearer {token_of(settings)}"}
    with TestClient(create_app(settings), base_url="http://localhost:8000") as client:
        made = client.post("/api/v1/tokens", json={"name": "other", "scope": "read"}, headers=right)
        other = {"Authorization": f"Bearer {made.json()['token']}"}
        answers = [client.get(META, headers=right) for _ in range(2 * BURST_SECONDS + 5)]
        refused = [one for one in answers if one.status_code == 429]
        assert {one.status_code for one in answers} == {200, 429}
        assert "NAS_REQUESTS_PER_SECOND" in refused[0].json()["detail"]
        assert refused[0].headers["retry-after"] == "1"
        assert client.get(META, headers=other).status_code == 200


def test_a_browser_cannot_pass_for_many_by_wrong_tokens_beside_its_cookie(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path / "home", requests_per_second=2)
    with TestClient(create_app(settings), base_url="http://localhost:8000") as client:
        signed = client.post("/api/v1/login", json={"token": token_of(settings)})
        assert signed.status_code == 204
        wrong = ({"Authorization": f"Bearer wrong{n}"} for n in range(2 * BURST_SECONDS + 5))
        assert {client.get(META, headers=one).status_code for one in wrong} == {200, 429}


@pytest.mark.parametrize("wrong", [-1, 100_001])
def test_a_rate_out_of_bounds_is_refused_by_its_name(tmp_path: Path, wrong: int) -> None:
    with pytest.raises(Exception, match="NAS_REQUESTS_PER_SECOND"):
        Settings.load(home=tmp_path, requests_per_second=wrong)
