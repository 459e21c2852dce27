"""Large answers are gzipped for those who take it; files of models, ranges and streams are not."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, StreamingResponse
from fastapi.testclient import TestClient

from service.compression import LEAST_BYTES, Compressed


def test_what_is_large_is_gzipped_and_files_and_streams_are_not():
    app, text = FastAPI(), "reward " * LEAST_BYTES
    app.add_api_route("/large", lambda: PlainTextResponse(text))
    app.add_api_route("/small", lambda: PlainTextResponse("small"))
    app.add_api_route("/models/1/files/model.py", lambda: PlainTextResponse(text))
    stream = StreamingResponse(iter([text]), media_type="text/event-stream")
    app.add_api_route("/events", lambda: stream)
    client = TestClient(Compressed(app))
    found = {}
    for path in ("/large", "/small", "/models/1/files/model.py", "/events"):
        answer = client.get(path)
        assert answer.text in {text, "small"}
        found[path] = answer.headers.get("content-encoding")
    assert found.pop("/large") == "gzip"
    assert set(found.values()) == {None}
    plain = client.get("/large", headers={"Accept-Encoding": "identity"})
    assert plain.headers["content-length"] == str(len(text))
    assert "Accept-Encoding" in plain.headers["vary"]


def test_the_page_comes_gzipped_with_its_etag(anonymous):
    first = anonymous.get("/static/app.js")
    assert first.headers["content-encoding"] == "gzip"
    again = anonymous.get("/static/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
