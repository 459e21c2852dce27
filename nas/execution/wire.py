"""Messages between an executor and its local worker processes: JSON, one packet each."""

from __future__ import annotations

import json
import socket
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nas.execution import Finished, Job, Progress
from nas.trial import Failure, FailureKind, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKET = 1 << 18  # bytes; the kernel sends no packet larger than its socket buffer, 208 KiB
Message = dict[str, Any]


class Channel:
    """One end of a pair of sockets that keep messages whole: one that is half sent never arrives.

    A worker may be killed in the middle of a report, or stopped by a signal; with a pipe, its
    reader would then wait for the other half.
    """

    def __init__(self, end: socket.socket) -> None:
        """Own the socket."""
        self.end = end

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Return both ends of a new channel."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(ours), cls(theirs)

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""
        return self.end.fileno()

    def send(self, message: Message) -> None:
        """Send a message, waiting for room; raise OSError when the other end is gone."""
        self.end.sendall(json.dumps(message).encode())

    def receive(self) -> Message | None:
        """Wait for a message; return None when the other end is gone."""
        try:
            packet = self.end.recv(PACKET)
        except ConnectionError:
            return None
        return json.loads(packet) if packet else None

    def pending(self) -> Iterator[Message | None]:
        """Yield the messages that are there already, and a last None if the other end is gone."""
        while True:
            try:
                packet = self.end.recv(PACKET, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except ConnectionError:
                packet = b""
            yield json.loads(packet) if packet else None
            if not packet:
                return

    def close(self) -> None:
        """Close this end."""
        self.end.close()


def job_message(job: Job) -> Message:
    """Return a job as a message."""
    return {"job": asdict(job)}


def read_job(message: Message) -> Job:
    """Return the job of a message."""
    fields = message["job"]
    return Job(**{**fields, "decisions": tuple(fields["decisions"])})


def progress_message(progress: Progress) -> Message:
    """Return a report as a message."""
    return {"progress": asdict(progress)}


def finished_message(finished: Finished) -> Message:
    """Return the end of a job as a message."""
    return {"finished": asdict(finished)}


def read_update(message: Message) -> Progress | Finished:
    """Return the report or the end that a message tells of."""
    if "progress" in message:
        return Progress(**message["progress"])
    fields = message["finished"]
    outcome = fields["outcome"]
    failure = outcome["failure"]
    if failure is not None:
        failure = Failure(**{**failure, "kind": FailureKind(failure["kind"])})
    return Finished(fields["number"], fields["attempt"], Outcome(**{**outcome, "failure": failure}))
