"""Tokens with scopes: what each may do, on every route; that they end; that none can be read."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from service import tokens
from service.auth import Keyring, token_of
from service.cli import app
from service.clock import now
from service.guard import LOOKING, OPEN
from service.tables import api_token
from service.tokens import Scope
from tests.service.making import toy_spec
from tests.service.test_guard import METHODS, paths

PATH = "/api/v1/tokens"
LEFT_OUT = {"/api/v1/events", "/api/v1/catalog", "/api/v1/zoo"}  # endless, or slow the first time


def holder(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def given(database, anonymous) -> dict[Scope, dict[str, str]]:
    """A header for each scope."""
    return {scope: holder(tokens.create(database, scope, scope).token) for scope in Scope}


def test_a_read_token_reads_everything_and_changes_nothing(anonymous, given):
    refused = 0
    for path in paths(anonymous.app):
        if path in OPEN or path.startswith(("/static", PATH)) or path in LEFT_OUT:
            continue
        for method in METHODS:
            answer = anonymous.request(method, path, headers=given[Scope.READ])
            reads = method in {"GET", "HEAD", "OPTIONS"} or path in LOOKING
            assert (answer.status_code == 403) is not reads, (method, path)
            assert answer.status_code != 401
            refused += answer.status_code == 403
    assert refused > 100


def test_a_refusal_names_the_scope_that_is_needed(anonymous, given):
    answer = anonymous.post("/api/v1/searches", json={}, headers=given[Scope.READ])
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["status"], problem["field"]) == (403, "scope")
    assert (problem["value"], problem["allowed"]) == ("read", "write")
    assert problem["detail"].endswith("POST /api/v1/searches needs the scope write")
    assert anonymous.get("/api/v1/searches", headers=given[Scope.READ]).json()["items"] == []


def test_a_write_token_starts_searches_and_gives_no_tokens(anonymous, given):
    body = toy_spec().model_dump(mode="json")
    assert anonymous.post("/api/v1/searches", json=body, headers=given[Scope.WRITE]).is_success
    for method, path in (("GET", PATH), ("POST", PATH), ("DELETE", f"{PATH}/1")):
        answer = anonymous.request(method, path, headers=given[Scope.WRITE])
        assert (answer.status_code, answer.json()["allowed"]) == (403, "admin")


def test_an_admin_token_gives_and_revokes_tokens(anonymous, given):
    admin = given[Scope.ADMIN]
    made = anonymous.post(PATH, json={"name": "grafana"}, headers=admin)
    assert made.status_code == 201
    view = made.json()
    assert (view["name"], view["scope"], view["expires_at"]) == ("grafana", "read", None)
    guest = holder(view["token"])
    assert anonymous.get("/api/v1/searches", headers=guest).status_code == 200
    listed = anonymous.get(PATH, headers=admin).json()["items"]
    assert [one["name"] for one in listed] == ["grafana", "admin", "write", "read"]
    assert all("token" not in one for one in listed)
    assert anonymous.delete(f"{PATH}/{view['id']}", headers=admin).json()["name"] == "grafana"
    assert anonymous.get("/api/v1/searches", headers=guest).status_code == 401
    assert anonymous.delete(f"{PATH}/{view['id']}", headers=admin).status_code == 404


def test_the_token_of_the_first_start_may_do_everything(client):
    assert client.post(PATH, json={"name": "x", "scope": "write"}).status_code == 201


def test_a_token_ends_with_its_time(anonymous, database):
    made = tokens.create(database, "short", Scope.READ, days=1)
    assert anonymous.get("/api/v1/searches", headers=holder(made.token)).status_code == 200
    with database.write() as connection:
        connection.execute(api_token.update().values(expires_at=now() - 1))
    assert anonymous.get("/api/v1/searches", headers=holder(made.token)).status_code == 401


def test_a_token_with_one_letter_changed_is_nobodys(anonymous, database):
    token = tokens.create(database, "x", Scope.ADMIN).token
    last = "A" if token[-1] != "A" else "B"
    for wrong in (token[:-1] + last, token[:-1], token + "A", token.upper(), token[:12]):
        assert anonymous.get("/api/v1/searches", headers=holder(wrong)).status_code == 401


def test_no_token_is_in_the_database_or_beside_it(database, settings):
    made = [tokens.create(database, "x", scope).token for scope in Scope]
    files = [path for path in settings.home.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    for path in files:
        content = path.read_bytes()
        for token in made:
            assert token.encode() not in content
            assert token[13:].encode() not in content


@pytest.mark.parametrize("scope", list(Scope))
def test_a_browser_that_signs_in_with_a_token_may_do_what_the_token_may(anonymous, given, scope):
    token = given[scope]["Authorization"].removeprefix("Bearer ")
    origin = {"Origin": "http://localhost:8000"}
    assert anonymous.post("/api/v1/login", json={"token": token}).status_code == 204
    (cookie,) = anonymous.cookies.jar
    assert token[13:] not in cookie.value
    assert anonymous.get("/api/v1/meta").json()["scope"] == scope
    body = toy_spec().model_dump(mode="json")
    started = anonymous.post("/api/v1/searches", json=body, headers=origin)
    assert started.status_code == (403 if scope is Scope.READ else 201)
    assert anonymous.post("/api/v1/searches", json=body).status_code == 403  # from elsewhere
    listed = anonymous.get(PATH)
    assert listed.status_code == (200 if scope is Scope.ADMIN else 403)
    assert anonymous.post("/api/v1/logout", headers=origin).status_code == 204
    assert anonymous.get("/api/v1/meta").status_code == 401


def test_a_key_that_makes_repeats_harmless_is_of_one_token(anonymous, database, settings):
    made = [tokens.create(database, name, Scope.WRITE).token for name in ("one", "other")]
    key, body = {"Idempotency-Key": "1"}, toy_spec().model_dump(mode="json")

    def ask(token: str, body: dict) -> str:
        answer = anonymous.post("/api/v1/searches", json=body, headers=holder(token) | key)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    first = [ask(token, body) for token in (token_of(settings), *made)]
    assert len(set(first)) == 3
    assert [ask(token, body) for token in (token_of(settings), *made)] == first
    other = anonymous.post(
        "/api/v1/searches", json=body | {"seed": 1}, headers=holder(made[0]) | key
    )
    assert (other.status_code, other.json()["field"]) == (422, "Idempotency-Key")
    anonymous.post("/api/v1/login", json={"token": made[0]})  # a browser is who signed it in
    page = key | {"Origin": "http://localhost:8000"}
    assert anonymous.post("/api/v1/searches", json=body, headers=page).json()["id"] == first[1]


def test_a_session_ends_with_its_token(anonymous, database):
    made = tokens.create(database, "short", Scope.ADMIN)
    anonymous.post("/api/v1/login", json={"token": made.token})
    assert anonymous.get("/api/v1/meta").status_code == 200
    tokens.revoke(database, made.id)
    assert anonymous.get("/api/v1/meta").status_code == 401
    assert anonymous.post("/api/v1/login", json={"token": made.token}).status_code == 401


def test_a_cookie_cannot_be_made_from_what_the_database_tells(anonymous, database, settings):
    made = tokens.create(database, "x", Scope.ADMIN)
    anonymous.post("/api/v1/login", json={"token": made.token})
    (cookie,) = anonymous.cookies.jar
    with database.read() as connection:
        row = connection.execute(api_token.select()).one()
    other = tokens.create(database, "y", Scope.READ)
    seal = cookie.value.partition(".")[2]
    wrongs = [f"{row.id}.{row.digest}", row.id, f"{other.id}.{seal}", f"{row.id}.{seal[::-1]}"]
    for wrong in wrongs:
        anonymous.cookies.clear()
        anonymous.cookies.set(cookie.name, wrong)
        assert anonymous.get("/api/v1/meta").status_code == 401, wrong
    anonymous.cookies.clear()
    anonymous.cookies.set(cookie.name, f"{row.id}.{seal}")
    assert anonymous.get("/api/v1/meta").json()["scope"] == "admin"
    another = Keyring("another token of the first start", settings.port)
    assert another.seal(row.digest) != seal


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "name"), ({"name": "x", "scope": "root"}, "scope"), ({"name": "x", "days": 0}, "days")],
)
def test_a_wrong_wish_is_refused_with_its_field(client, body, field):
    answer = client.post(PATH, json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_the_command_line_makes_lists_and_revokes(anonymous, settings, database):
    def nas(*words: str) -> str:
        done = CliRunner().invoke(app, ["--home", str(settings.home), "token", *words])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert "grafana" not in nas("list")
    made = json.loads(nas("create", "grafana", "--scope", "write", "--days", "2", "--json"))
    body = toy_spec().model_dump(mode="json")
    asked = anonymous.post("/api/v1/searches", json=body, headers=holder(made["token"]))
    assert asked.status_code == 201
    assert "grafana" in nas("list")
    assert nas("create", "second").startswith("nas_")
    nas("revoke", made["id"])
    assert anonymous.get(PATH, headers=holder(made["token"])).status_code == 401
    assert token_of(settings) not in nas("list")
