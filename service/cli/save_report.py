"""``nas report``: a search as one file to open in a browser, without a service or a network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from service import report
from service.cli.context import desk_of
from service.cli.screen import meter, say, say_json
from service.errors import UserError
from service.reportpage import page


def save_report(
    context: typer.Context,
    search: Annotated[str, typer.Argument(help="Its id, its name, or last")] = "last",
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Where to (default: NAME-ID.html, here)",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Save a search as one HTML file that opens from a disk, a mail or any web server.

    It shows what the dashboard shows of the search as it stands: rewards, verdict, finals, front,
    trials with their cells, failures, operations, config. It needs neither service nor network,
    and changes nothing. Of large searches it holds the 4,000 best trials, 50 of them in full.

    nas report last -o report.html
    """
    with desk_of(context) as desk:
        search_id = desk.resolve(search)
        target = _target(output, desk.view(search_id).name, search_id, force=force)
        with meter() as shown, desk.asked() as source:
            held = report.gather(
                source, search_id, lambda done, total, what: shown.show("report", done, total, what)
            )
    text = page(held).encode()
    _write(target, text)
    if as_json:
        say_json({"file": str(target), "bytes": len(text), "trials": held["trials"]})
    else:
        say(str(target))
    say(f"{_size(len(text))}. {held['note']}", error=True)


def _target(output: Path | None, name: str, search_id: str, *, force: bool) -> Path:
    """Return the file to write, which must not be there, before the work is done."""
    plain = "".join(one if one.isalnum() or one in "-_." else "-" for one in name).strip("-.")
    target = output or Path(f"{plain[:60] or 'search'}-{search_id}.html")
    if target.is_dir():
        raise UserError(f"{target} is a folder", field="--output", allowed="a file such as r.html")
    if not target.parent.is_dir():
        raise UserError(f"there is no folder {target.parent}", field="--output")
    if target.exists() and not force:
        raise UserError(f"{target} is there already: --force replaces it", field="--output")
    return target


def _write(target: Path, text: bytes) -> None:
    """Write the file whole or not at all."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.write_bytes(text)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
