"""Who gets in: deny by default, by the app's own list of routes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from fastapi.testclient import TestClient
from starlette.routing import Mount

from service.app import create_app
from service.auth import token_of
from service.guard import OPEN
from service.settings import Settings
from tests.service.making import finished

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def paths(app) -> list[str]:
    """Return a concrete path of every route and mount of the app, and of what is not there."""
    found = ["/nowhere", "/api", "/api/v1", "/api/v1/nowhere", "/docs", "/redoc", "/openapi.json"]
    found += ["/metrics", "/api/v1/searches/", "//api/v1/searches", "/API/v1/searches", "/healthz/"]
    found += [
        "/api/v1/login/x",
        "/static",
        "/staticx",
        "/healthz%2f..",
    ]
    for route in walk(app.routes):
        filled = route
        for name in ("search_id", "model_id", "number", "cell", "name"):
            filled = filled.replace("{" + name + "}", "1")
        found.append(filled)
    return found


def walk(routes) -> list[str]:
    found = []
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            found += walk(inner.routes)
        elif isinstance(route, Mount):
            found.append(f"{route.path}/x")
        else:
            found.append(route.path)
    return found


def test_without_the_token_every_route_but_the_named_ones_answers_401(anonymous):
    checked = 0
    for path in paths(anonymous.app):
        for method in METHODS:
            answer = anonymous.request(method, path)
            if path in OPEN or path.startswith("/static/"):
                assert answer.status_code != 401, (method, path)
            else:
                assert answer.status_code == 401, (method, path)
                checked += 1
    assert checked > 200


def test_the_walk_sees_every_route_that_openapi_knows(anonymous):
    known = set(anonymous.app.openapi()["paths"])
    assert known <= set(walk(anonymous.app.routes))


def test_a_refusal_says_how_to_sign_in_in_the_one_error_shape(anonymous):
    answer = anonymous.get("/api/v1/searches")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["status"] == 401


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer x", "Basic dXNlcjpwYXNz", "Bearer nas_", "bearer\x00", "Token {token}"],
)
def test_another_header_does_not_open(anonymous, settings, header):
    header = header.replace("{token}", token_of(settings))
    answer = anonymous.get("/api/v1/searches", headers={"Authorization": header})
    assert answer.status_code == 401


def test_the_token_is_not_taken_from_the_url(anonymous, settings):
    token = token_of(settings)
    assert anonymous.get(f"/api/v1/searches?token={token}").status_code == 401


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "",
        "evil.example:8000",
        "[::2]",
    ],
)
def test_another_host_name_is_refused_even_with_the_token(client, host):
    answer = client.get("/api/v1/searches", headers={"Host": host})
    assert answer.status_code == 400
    assert client.get("/healthz", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1:8000", "[::1]:8000"])
def test_this_machine_has_these_names(client, host):
    assert client.get("/api/v1/searches", headers={"Host": host}).status_code == 200


def test_a_further_host_name_can_be_given(tmp_path):
    settings = Settings.load(home=tmp_path / "home", hosts="nas.example, other.example")
    with TestClient(create_app(settings), base_url="http://nas.example") as client:
        assert client.get("/healthz").status_code == 200


def test_signing_in_gives_a_cookie_that_opens_and_signing_out_takes_it(anonymous, settings):
    origin = {"Origin": "http://localhost:8000"}
    answer = anonymous.post("/api/v1/login", json={"token": token_of(settings)})
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert token_of(settings) not in cookie
    assert anonymous.get("/api/v1/searches").status_code == 200
    assert anonymous.post("/api/v1/logout", headers=origin).status_code == 204
    assert anonymous.get("/api/v1/searches").status_code == 401


def test_a_wrong_token_is_refused_with_the_field(anonymous):
    answer = anonymous.post("/api/v1/login", json={"token": "nas_wrong"})
    assert (answer.status_code, answer.json()["field"]) == (401, "token")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://localhost:9999", "https://localhost"]
)
def test_a_write_with_the_cookie_must_come_from_our_own_page(anonymous, settings, origin):
    anonymous.post("/api/v1/login", json={"token": token_of(settings)})
    headers = {} if origin is None else {"Origin": origin}
    answer = anonymous.post("/api/v1/searches", json={}, headers=headers)
    assert answer.status_code == 403
    assert anonymous.get("/api/v1/searches", headers=headers).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_must_be_declared_as_json(client, kind):
    answer = client.post(
        "/api/v1/searches", content=b'{"name":"x"}', headers={"Content-Type": kind}
    )
    assert answer.status_code in {415, 422}
    assert client.get("/api/v1/searches").json()["items"] == []


def test_a_body_of_more_than_a_mebibyte_is_refused(client):
    answer = client.post("/api/v1/searches", json={"name": "x" * 2**20})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_every_answer_carries_the_security_headers(client, anonymous):
    for path in ("/", "/healthz", "/api/v1/searches", "/nowhere", "/static/nowhere.js"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"]


TRAVERSALS = [
    pre + up * depth + "etc/passwd"
    for pre in ("", "./", "app.js/", "css/", "%00", "vendor/")
    for up in (
        "../",
        "..%2f",
        "%2e%2e/",
        "%2e%2e%2f",
        "..%252f",
        "..%5c",
        "..\\",
        "....//",
        "%c0%ae%c0%ae/",
    )
    for depth in (1, 3, 8)
] + ["/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd", "C:%5cWindows%5cwin.ini", "%5c%5chost%5cx"]


def test_no_spelling_of_a_path_leaves_the_folder_of_the_page(client, settings):
    secret = token_of(settings)
    for spelling in TRAVERSALS:
        for path in (f"/static/{spelling}", f"/static/../{spelling}"):
            answer = client.get(path)
            assert answer.status_code in {400, 404, 405, 422}, path
            assert "root:" not in answer.text
            assert secret not in answer.text


def test_no_spelling_of_a_name_reaches_a_file_that_is_not_of_a_model(client, database):
    search_id = finished(database, trials=1)
    for spelling in [*TRAVERSALS, "token", "../token", "../../token"]:
        answer = client.get(f"/api/v1/models/1/files/{spelling}")
        assert answer.status_code in {404, 405, 422}, spelling
        answer = client.get(f"/api/v1/searches/{search_id}/trials/0/cells/{spelling}.svg")
        assert answer.status_code in {404, 422}, spelling


def test_behind_a_prefix_everything_works_stripped_or_not(tmp_path):
    settings = Settings.load(home=tmp_path / "home", root_path="/lab/nas")
    headers = {"Authorization": f"Bearer {token_of(settings)}"}
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        for prefix in ("", "/lab/nas"):
            assert client.get(f"{prefix}/").status_code == 200
            assert client.get(f"{prefix}/static/app.js").status_code == 200
            assert client.get(f"{prefix}/api/v1/searches").status_code == 401
            assert client.get(f"{prefix}/api/v1/searches", headers=headers).status_code == 200
        assert client.get("/lab/nasty/healthz").status_code == 401


def test_loading_the_api_loads_neither_torch_nor_ray(tmp_path):
    code = (
        "import sys; from service.app import create_app; from service.settings import Settings\n"
        "import service.api\n"
        f"create_app(Settings.load(home={str(tmp_path / 'home')!r}))\n"
        "assert not {'torch', 'ray', 'torchvision', 'sklearn'} & set(sys.modules), sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
