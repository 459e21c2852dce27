"""What the client makes of a bad way to the service: busy, broken, damaged, late, somebody else."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from nas.client import Client, ClientError, NoConnection, events, wire
from nas.client.address import read_address
from service import eventlog, searches
from service.auth import token_of
from tests.service.living import free_port
from tests.service.making import toy_spec

if TYPE_CHECKING:
    from nas.client.offers import Meta


def ask(url: str, token: str | None = None, **more: object) -> Meta:
    """Ask a service for its name by a client of its own."""
    with Client(url, token, **more) as client:
        return client.meta()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(wire, "PAUSES", (0.01,) * 4)
    monkeypatch.setattr(events, "PAUSES", (0.01,) * 4)


def test_a_busy_service_is_asked_again(harmed, harm):
    harm.faults.extend(["busy", "lost", "busy"])
    assert harmed.meta().name == "nasturtium"
    assert harm.seen == ["GET /api/v1/meta"] * 4


def test_a_service_that_stays_busy_is_one_line(harmed, harm):
    harm.faults.extend(["busy"] * 9)
    with pytest.raises(ClientError, match=r"^the database is busy$") as caught:
        harmed.meta()
    assert caught.value.status == 503
    assert len(harm.seen) == 5


def test_a_search_whose_answer_was_lost_is_made_once(harmed, harm, house):
    before = {one.id for one in harmed.searches()}
    harm.faults.append("lost")
    made = harmed.create(toy_spec(1).model_dump(mode="json"), name="once")
    assert harm.seen.count("POST /api/v1/searches") == 2
    assert {one.id for one in harmed.searches()} == before | {made.id}
    made.stop()


def test_what_must_not_be_repeated_is_not(harmed, harm, house):
    digits = harmed.search(house.digits)
    harm.faults.append("lost")
    with pytest.raises(NoConnection, match="broke"):
        digits.stop_finals()
    assert harm.seen[-1].endswith("/finals/stop")
    assert len(harm.seen) == 2


def test_what_must_not_be_repeated_is_sent_again_where_it_was_not_looked_at(harmed, harm, house):
    digits = harmed.search(house.digits)
    harm.seen.clear()
    harm.faults.extend(["often", "often", "lost"])
    with pytest.raises(NoConnection, match="broke"):
        digits.stop_finals()
    assert len(harm.seen) == 3


def test_nobody_there_is_one_line(house):
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(NoConnection) as caught:
        ask(url, "some-token-of-mine")
    expected = f"cannot connect to {url}: Connection refused; is nas serve running there?"
    assert str(caught.value) == expected
    with Client(url, "some-token-of-mine") as client, pytest.raises(NoConnection):
        next(client.events())


def test_a_late_answer_is_one_line(harmed, harm):
    harm.faults.append("late")
    with pytest.raises(NoConnection, match=r"did not answer within 1 seconds$"):
        harmed.meta()


@pytest.mark.parametrize(("fault", "status"), [("moved", 302), ("page", 404)])
def test_what_is_no_service_is_one_line(harmed, harm, fault, status):
    harm.faults.append(fault)
    with pytest.raises(ClientError, match=f"not answer as this service does: status {status}"):
        harmed.meta()
    assert len(harm.seen) == 1


def test_a_wrong_token_is_refused(house):
    with pytest.raises(ClientError, match="sign in with the token") as caught:
        ask(house.url, "not-the-token-of-it")
    assert caught.value.status == 401


def test_a_damaged_file_is_refused_and_leaves_nothing(harmed, harm, house, tmp_path):
    model = harmed.search(house.digits).models()[0]
    harm.faults.extend(["", "", "damage"])  # the list of files, the first file, the second
    with pytest.raises(ClientError, match=r"arrived damaged: .* SHA-256") as caught:
        model.download(tmp_path / "model")
    assert caught.value.field == "sha256"
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_breaks_off_is_begun_again(harmed, harm, house, tmp_path):
    model = harmed.search(house.digits).models()[0]
    large = max(range(len(model.files)), key=lambda place: model.files[place].size_bytes)
    assert model.view.files[large].size_bytes > 1000
    harm.seen.clear()
    harm.faults.extend([*[""] * (1 + large), "cut"])
    folder = model.download(tmp_path / "model")
    assert len(list(folder.iterdir())) == len(model.view.files)
    asked = [one for one in harm.seen if one.endswith(model.view.files[large].name)]
    assert len(asked) == 2


def test_a_file_with_a_path_for_a_name_is_refused(client, house, tmp_path):
    from dataclasses import replace

    model = client.search(house.digits).models()[0]
    with pytest.raises(ClientError, match=r"a file called '../out'"):
        model._fetch(replace(model.view.files[0], name="../out"), tmp_path)


def test_events_go_on_where_the_stream_broke_off(harmed, harm, house):
    with house.database.read() as connection:
        known = [one.seq for one in eventlog.after(connection, 0, house.toy, 500)]
    assert len(known) > 15
    harm.faults.extend(["cut", "busy", "cut", "lost", "cut"])
    seen = []
    for event in harmed.events(search=house.toy):
        seen.append(event.seq)
        if len(seen) == len(known):
            break
    assert seen == known
    assert len(harm.seen) > 5


def test_events_to_come_arrive_as_they_happen(client, house):
    stream = client.events(after="now")
    found = []
    listening = threading.Thread(target=lambda: found.append(next(stream)))
    listening.start()
    made = None
    while listening.is_alive():  # what happened before the stream was open is not to come
        made = searches.create(house.database, toy_spec(1))
        listening.join(0.5)
    assert found[0].kind == "search.created"
    assert made is not None
    assert client.search(found[0].search).stop().view.state == "stopped"


def test_the_events_that_follow_what_meta_knows_leave_nothing_out(client, house):
    seq = client.meta().seq
    made = searches.create(house.database, toy_spec(1))
    event = next(client.events(after=seq))
    assert (event.seq, event.kind, event.search) == (seq + 1, "search.created", made)
    assert client.meta().seq == event.seq
    client.search(made).stop()


def test_a_message_of_several_lines_is_one_and_half_a_message_is_none():
    lines = [": hello", "retry: 1000", "", "id: 3", 'data: {"a":', "data: 1}", "", 'data: {"b"']
    assert list(events.messages(lines)) == [{"a": 1}]


def test_the_token_is_given_or_of_the_link_or_of_the_environment_or_of_the_folder(
    house, monkeypatch, tmp_path
):
    token = token_of(house.database.settings)
    assert ask(house.url, token).name == "nasturtium"
    assert ask(f"{house.url}/#token={token}").name == "nasturtium"
    monkeypatch.setenv("NAS_HOME", str(house.home))
    assert ask(house.url).name == "nasturtium"
    monkeypatch.setenv("NAS_HOME", str(tmp_path))
    with pytest.raises(ClientError, match=r"no token: .*token: No such file"):
        Client(house.url)
    monkeypatch.setenv("NAS_TOKEN", token)
    assert ask(house.url).name == "nasturtium"


def test_the_token_of_this_machine_is_sent_to_no_other(house):
    with pytest.raises(ClientError, match=r"no token for https://nas.example.org/lab: give token="):
        Client("https://nas.example.org/lab/", home=house.home)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000", "ftp://x", "http://", "http://a:b", "http://["]
)
def test_what_is_no_address_is_one_line(url):
    with pytest.raises(ClientError, match="allowed are http://HOST:PORT") as caught:
        Client(url, "some-token-of-mine")
    assert caught.value.field == "url"


def test_a_name_that_cannot_be_a_host_is_one_line():
    with pytest.raises(ClientError) as caught:
        ask("http://exa mple", "some-token-of-mine")
    assert "\n" not in str(caught.value)


def test_which_addresses_are_this_machine():
    here = ("http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000/prefix")
    assert all(read_address(url).loopback for url in here)
    assert not any(
        read_address(url).loopback for url in ("https://localhost.evil", "http://10.0.0.1")
    )
