"""Downloads of a model's files: whole, in ranges, only if changed, described without sending."""

from __future__ import annotations

import hashlib

import pytest

from service import models, searches
from service.clock import now
from service.states import ModelState
from tests.service.making import digits_spec, run

CONTENT = bytes(range(256)) * 100


@pytest.fixture
def url(client, database) -> str:
    search_id = searches.create(database, digits_spec(1, final_epochs=0))
    run(database, search_id)
    model_id = models.request(database, search_id)
    folder = models.folder(database, model_id)
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(CONTENT)
    listed = {
        "name": "model.onnx",
        "size_bytes": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    models.change(database, model_id, state=ModelState.DONE, files=[listed], ended_at=now())
    return models.view(database, model_id).files[0].url


def test_a_file_is_sent_whole_in_ranges_only_if_changed_or_only_described(client, url):
    whole = client.get(url)
    tag = whole.headers["etag"]
    assert (whole.status_code, whole.content) == (200, CONTENT)
    assert tag == f'"{hashlib.sha256(CONTENT).hexdigest()}"'
    assert whole.headers["accept-ranges"] == "bytes"

    head = client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-length", "content-type", "content-disposition"):
        assert head.headers[name] == whole.headers[name]

    part = client.get(url, headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, CONTENT[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(CONTENT)}"
    rest = client.get(url, headers={"Range": "bytes=25000-", "If-Range": tag})
    assert (rest.status_code, rest.content) == (206, CONTENT[25000:])
    changed = client.get(url, headers={"Range": "bytes=25000-", "If-Range": '"other"'})
    assert (changed.status_code, changed.content) == (200, CONTENT)
    beyond = client.get(url, headers={"Range": f"bytes={len(CONTENT)}-"})
    assert (beyond.status_code, beyond.json()["field"]) == (416, "Range")
    assert beyond.headers["content-range"] == f"bytes */{len(CONTENT)}"
    strange = client.get(url, headers={"Range": "lines=1-2"})
    assert (strange.status_code, strange.json()["field"]) == (400, "Range")

    for named in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = client.get(url, headers={"If-None-Match": named})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
    assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    assert client.head(url.replace("onnx", "exe")).status_code == 404
