"""Settings of the service, from NAS_* environment variables, checked once with clear errors."""

from __future__ import annotations

import ipaddress
import os
import stat
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.errors import UserError

TOKEN_LENGTH = 16  # shortest token accepted from outside; our own have 43 random characters
_NETWORK = ("nfs", "cifs", "smb", "fuse.sshfs", "fuse.glusterfs", "afs", "ncpfs")


class Settings(BaseSettings):
    """Where the service keeps things and where it listens. Make one with :meth:`load`."""

    model_config = SettingsConfigDict(env_prefix="NAS_", frozen=True, extra="ignore")

    home: Annotated[Path, Field(description="Folder of the database, models and logs")] = Path(
        "nasturtium-home"
    )
    host: Annotated[str, Field(min_length=1, description="Address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535, description="Port to listen on")] = 8000
    token: Annotated[
        SecretStr | None,
        Field(description="Access token; without one, the first start makes HOME/token"),
    ] = None
    db_url: Annotated[
        str | None, Field(description="sqlite:///PATH; default HOME/nasturtium.db")
    ] = None
    data: Annotated[
        Path | None, Field(description="Folder of downloaded and decoded images; HOME/data")
    ] = None
    root_path: Annotated[
        str,
        Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$", description="Prefix behind a reverse proxy"),
    ] = ""
    hosts: Annotated[
        str, Field(description="Further names by which browsers may call it, comma-separated")
    ] = ""
    searches: Annotated[
        int, Field(ge=1, le=1000, description="Searches that run at the same time; others wait")
    ] = 4
    requests_per_second: Annotated[
        int, Field(ge=0, le=100_000, description="Requests of one token; 0: as many as it likes")
    ] = 100
    upload_bytes: Annotated[
        int, Field(ge=1000, le=2**50, description="Largest file that may be uploaded")
    ] = 2 * 2**30
    ray_address: Annotated[str | None, Field(description="An existing Ray cluster, host:port")] = (
        None
    )

    @classmethod
    def load(cls, **given: Any) -> Settings:
        """Return the settings of the environment, with ``given`` on top; raise UserError."""
        try:
            settings = cls(**{key: value for key, value in given.items() if value is not None})
        except ValidationError as error:
            raise _explained(error) from error
        settings = settings.model_copy(
            update={
                "home": settings.home.expanduser().absolute(),
                "data": settings.data.expanduser().absolute() if settings.data else None,
            }
        )
        _check_host(settings)
        return settings

    @property
    def data_root(self) -> Path:
        """The folder of downloaded and decoded images."""
        return self.data or self.home / "data"

    @property
    def database_path(self) -> Path:
        """The file of the SQLite database; raises UserError for any other kind of URL."""
        if self.db_url is None:
            return self.home / "nasturtium.db"
        scheme, _, path = self.db_url.partition(":///")
        if scheme != "sqlite" or not path or path == ":memory:":
            raise UserError(
                "NAS_DB_URL must be sqlite:///PATH of a file on a local disk",
                field="db_url",
                value=scheme,
                allowed="sqlite:///PATH",
            )
        return Path(path).expanduser().absolute()

    def environment(self) -> dict[str, str]:
        """Return the variables that give a child process these settings, without the token."""
        found = self.model_dump(mode="json", exclude={"token"}, exclude_none=True)
        return {f"NAS_{name.upper()}": str(value) for name, value in found.items()}

    @property
    def loopback(self) -> bool:
        """Say whether only this machine can reach the service."""
        return is_loopback(self.host)

    def folder(self, name: str) -> Path:
        """Return a folder of ours under HOME (``locks``, ``logs``, ``models``), made if missing."""
        path = self.home / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path


def is_loopback(host: str) -> bool:
    """Say whether ``host`` is a name or an address of this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def prepare_home(settings: Settings) -> None:
    """Make HOME, closed to other users; raise UserError where it cannot be used."""
    home = settings.home
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise _home_error(home, "is a file, not a folder") from error
    except NotADirectoryError as error:
        raise _home_error(home, "lies below a file") from error
    except OSError as error:
        raise _home_error(home, f"cannot be made: {error.strerror}") from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise _home_error(home, "is not writable")
    for folder in {home, settings.database_path.parent}:
        kind = filesystem(folder)
        if kind.startswith(_NETWORK):
            raise UserError(
                f"{folder} is on a network file system ({kind}), where SQLite loses data; "
                "choose a folder on a local disk (NAS_HOME)",
                field="home",
                value=str(folder),
                allowed="a folder on a local disk",
            )
    if stat.S_IMODE(home.stat().st_mode) & 0o077 and home.stat().st_uid == os.getuid():
        home.chmod(0o700)


def filesystem(path: Path) -> str:
    """Return the type of the file system that holds ``path`` ("ext4", "nfs4"), or an empty text."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    best, kind, real = "", "", path.resolve()
    for line in lines:
        left, _, right = line.partition(" - ")
        point = left.split()[4].replace("\\040", " ")
        if real.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, right.split()[0]
    return kind


def _home_error(home: Path, what: str) -> UserError:
    return UserError(
        f"the data folder {home} {what}; choose another with NAS_HOME",
        field="home",
        value=str(home),
        allowed="a folder that this user may write to",
    )


def _check_host(settings: Settings) -> None:
    token = settings.token.get_secret_value() if settings.token else None
    if token is not None and len(token) < TOKEN_LENGTH:
        raise UserError(
            f"NAS_TOKEN has {len(token)} characters, at least {TOKEN_LENGTH} are needed",
            field="token",
            allowed=f"at least {TOKEN_LENGTH} characters",
        )
    if not settings.loopback and token is None:
        raise UserError(
            f"host {settings.host} can be reached from other machines: set NAS_TOKEN to a secret "
            "of your own first, or use 127.0.0.1",
            field="host",
            value=settings.host,
            allowed="127.0.0.1, ::1, localhost; others only with NAS_TOKEN",
        )


def _explained(error: ValidationError) -> UserError:
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"]).lower().removeprefix("nas_")
    shown = "***" if field == "token" else repr(first["input"])
    return UserError(
        f"NAS_{field.upper()}: {first['msg']}, got {shown}",
        field=field,
        value=None if field == "token" else first["input"],
    )
