"""Settings: what is accepted, and the one line that says what is wrong."""

from __future__ import annotations

import os
import stat

import pytest

from service.auth import Keyring, token_of
from service.errors import UserError
from service.settings import Settings, is_loopback, prepare_home


def test_the_defaults_are_a_folder_here_and_this_machine_alone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    settings = Settings.load()
    assert settings.home == tmp_path / "nasturtium-home"
    assert (settings.host, settings.port, settings.loopback) == ("127.0.0.1", 8000, True)
    assert settings.database_path == tmp_path / "nasturtium-home" / "nasturtium.db"
    assert settings.data_root == tmp_path / "nasturtium-home" / "data"


def test_the_environment_sets_them_and_arguments_win(monkeypatch, tmp_path):
    monkeypatch.setenv("NAS_HOME", str(tmp_path / "a"))
    monkeypatch.setenv("NAS_PORT", "9000")
    settings = Settings.load(port=9001, host=None)
    assert (settings.home, settings.port) == (tmp_path / "a", 9001)


def test_a_child_gets_the_same_settings_without_the_token(monkeypatch, tmp_path):
    token = "a-secret-of-my-own-0123"
    settings = Settings.load(home=tmp_path, port=9000, data=tmp_path / "d", token=token)
    environment = settings.environment()
    assert not any(token in value for value in environment.values())
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Settings.load() == settings.model_copy(update={"token": None})


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"port": 0}, "port", "NAS_PORT"),
        ({"port": "many"}, "port", "'many'"),
        ({"host": "0.0.0.0"}, "host", "NAS_TOKEN"),
        ({"host": "192.168.1.7"}, "host", "NAS_TOKEN"),
        ({"token": "short"}, "token", "at least 16"),
        ({"root_path": "nas"}, "root_path", "NAS_ROOT_PATH"),
        ({"root_path": "/a/../b c"}, "root_path", "NAS_ROOT_PATH"),
        ({"searches": 0}, "searches", "NAS_SEARCHES"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(given, field, words):
    with pytest.raises(UserError, match=words) as caught:
        Settings.load(**given)
    assert caught.value.field == field
    assert "\n" not in str(caught.value)


def test_a_short_token_is_not_repeated_in_the_error():
    with pytest.raises(UserError) as caught:
        Settings.load(token="hunter2hunter2")
    assert "hunter2" not in str(caught.value)


def test_another_address_is_allowed_with_a_token_of_ones_own():
    settings = Settings.load(host="0.0.0.0", token="a-secret-of-my-own-0123")
    assert not settings.loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_these_are_this_machine(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "127.0.0.1.evil.org"])
def test_these_are_not_only_this_machine(host):
    assert not is_loopback(host)


@pytest.mark.parametrize("url", ["postgresql://host/db", "sqlite://", "sqlite:///:memory:"])
def test_a_database_that_is_no_file_is_refused(url, tmp_path):
    with pytest.raises(UserError, match="sqlite:///PATH"):
        _ = Settings.load(home=tmp_path, db_url=url).database_path


def test_the_home_is_closed_to_others(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    prepare_home(Settings.load(home=home))
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_home_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match="NAS_HOME") as caught:
            prepare_home(Settings.load(home=home))
        assert caught.value.field == "home"


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_home_that_cannot_be_written_is_refused(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o500)
    with pytest.raises(UserError, match="not writable"):
        prepare_home(Settings.load(home=home))


def test_a_home_on_a_read_only_file_system_is_refused():
    with pytest.raises(UserError, match=r"cannot be made|not writable"):
        prepare_home(Settings.load(home="/proc/nasturtium"))


def test_the_first_start_makes_a_token_that_the_second_start_finds(settings):
    token = token_of(settings)
    assert token_of(settings) == token
    assert len(token) > 50
    assert stat.S_IMODE((settings.home / "token").stat().st_mode) == 0o600


def test_a_token_of_ones_own_is_not_written_down(tmp_path):
    settings = Settings.load(home=tmp_path / "home", token="a-secret-of-my-own-0123")
    assert token_of(settings) == "a-secret-of-my-own-0123"
    assert not (tmp_path / "home").exists()


def test_only_the_token_and_its_own_cookie_open():
    ring, other = Keyring("a-secret-of-my-own-0123", 8000), Keyring("another-secret-456789", 8000)
    assert ring.accepts_token("a-secret-of-my-own-0123")
    assert ring.accepts_cookie(ring.cookie_value)
    for text in ("", "a-secret", ring.cookie_value, "another-secret-456789", "\udcff"):
        assert not ring.accepts_token(text)
    for text in ("", "a-secret-of-my-own-0123", other.cookie_value):
        assert not ring.accepts_cookie(text)
    assert "secret" not in ring.cookie_value
