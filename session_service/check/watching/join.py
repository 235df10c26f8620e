"""`--join`: the tester's seat in the channel, to see that somebody else comes and is heard.

Decided here: how long is waited for each step, and that the SDK runs in a process which is over when this is. `joining`
is that process, and `join_findings` what is told of it. Called by G02 through `Target.watch`.

NOT RUN against Agora's network: docs/check.md says what it was run with.
"""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import Any

from session_service.agora import encryption, encryption_report
from session_service.check.model import CannotTell, Finding, Seen
from session_service.check.watching import join_findings
from session_service.errors import InvalidValue

NO_SDK = (
    "--join needs agora-python-server-sdk, which cannot be imported here: it is not installed, or its native library "
    "is missing. On Linux or macOS, in the environment of this command: pip install agora-python-server-sdk==2.4.10. "
    "Installing it downloads Agora's native library."
)
MODULE = "session_service.check.watching.joining"
"""The program that has the seat."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds for the SDK to be imported, the join to be answered, the agent to come, to be heard, and to leave."""

    load: float = 120.0
    join: float = 15.0
    come: float = 10.0
    speak: float = 10.0
    leave: float = 3.0


@dataclass(frozen=True, slots=True)
class JoinWatch:
    """Joins as the tester with `uid`. `environment` is what the SDK's process is given, which holds no secret of ours.

    `tell` hears how far it has come.
    """

    uid: int
    environment: Mapping[str, str] = field(repr=False)
    waits: Waits = Waits()
    tell: Callable[[str], None] = field(default=lambda _: None, repr=False)

    async def ready(self) -> None:
        """Import the SDK, and join nothing; InvalidValue where that does not work."""
        async with _tester(self.environment, self.waits) as tester:
            if not await self._loaded(tester):
                raise InvalidValue(NO_SDK)

    async def watched(self, join_details: Mapping[str, Any]) -> Seen:
        """Join, wait until somebody is heard, and leave; CannotTell where Agora or the SDK says nothing."""
        line = self._line(join_details)
        async with _tester(self.environment, self.waits) as tester:
            if not await self._loaded(tester):
                raise CannotTell(NO_SDK)
            tester.join(line)
            return await self._joined(tester, tester.news)

    async def _loaded(self, tester: "_Tester") -> bool:
        await tester.until(lambda news: news.ready, self.waits.load)
        return tester.news.ready

    async def _joined(self, tester: "_Tester", news: "_News") -> Seen:
        await tester.until(lambda _: news.joined, self.waits.join)
        if news.fault:
            return Seen((news.fault,))
        if not news.joined:
            raise CannotTell(f"Agora did not answer the join within {self.waits.join:g} seconds")
        self.tell("the tester is in the channel, and waits for the agent")
        await tester.until(lambda _: bool(news.came), self.waits.come)
        if not news.came:
            return Seen((news.fault or join_findings.nobody(self.waits.come),))
        self.tell("somebody came, and the tester listens")
        await tester.until(lambda _: bool(news.heard), self.waits.speak)
        if not news.heard:
            return Seen((news.fault or join_findings.silent(news.came, self.waits.speak),))
        return Seen(note=f"the tester joined; uid {news.heard} came and was heard")

    def _line(self, join_details: Mapping[str, Any]) -> bytes:
        """What the tester's process is told; CannotTell where the answer's encryption is none."""
        seat = {name: str(join_details.get(f"agora_{name}")) for name in ("app_id", "channel", "token")}
        try:
            document = {**seat, "uid": self.uid, "encryption": _encryption(join_details)}
        except InvalidValue:
            raise CannotTell("nobody can join with the encryption in this answer: E01 and E02 say why") from None
        return json.dumps(document).encode() + b"\n"


def _encryption(join_details: Mapping[str, Any]) -> Mapping[str, Any] | None:
    side = encryption_report.from_json(join_details)
    if not side.encrypted:
        return None
    built = encryption.build(encryption.mode(side.mode or ""), side.key or "", side.salt)
    return {"mode_number": built.mode_number, "key": built.key, "salt": built.salt}


@dataclass(slots=True)
class _News:
    """What the tester has told. `fault` is the first thing that keeps it from hearing anybody."""

    ready: bool = False
    joined: bool = False
    came: str = ""
    heard: str = ""
    fault: Finding | None = None

    def learn(self, event: Mapping[str, Any]) -> None:
        match event:
            case {"event": "ready"}:
                self.ready = True
            case {"event": "joined"}:
                self.joined = True
            case {"event": "came", "uid": str(uid)}:
                self.came = self.came or uid
            case {"event": "heard", "uid": str(uid)}:
                self.came, self.heard = self.came or uid, self.heard or uid
            case _:
                self.fault = self.fault or join_findings.fault(event)


class _Tester:
    """The process that has the seat."""

    def __init__(self, process: Process) -> None:
        self.news = _News()
        self._process = process

    def join(self, line: bytes) -> None:
        """Tell it what to join. On standard input, because arguments and environment can be read by others."""
        assert self._process.stdin  # noqa: S101 - a pipe was asked for
        self._process.stdin.write(line)

    async def until(self, reached: Callable[[_News], bool], patience: float) -> None:
        """Hear what it tells until that is reached, something is at fault, it has ended or the patience has."""
        assert self._process.stdout  # noqa: S101 - a pipe was asked for
        try:
            async with asyncio.timeout(patience):
                while not (reached(self.news) or self.news.fault):
                    line = await self._process.stdout.readline()
                    if not line:
                        return
                    self.news.learn(_event(line))
        except (TimeoutError, ValueError):  # ValueError: a line without end, which is none of ours
            return


def _event(line: bytes) -> Mapping[str, Any]:
    """The event in a line; none in what a library prints."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@asynccontextmanager
async def _tester(environment: Mapping[str, str], waits: Waits) -> AsyncIterator[_Tester]:
    """A tester in a folder of its own, for the SDK writes logs where it is; it is over when this is."""
    with TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", MODULE),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        try:
            yield _Tester(process)
        finally:
            await _ended(process, waits.leave)


async def _ended(process: Process, patience: float) -> None:
    """Let it leave the channel, which takes the SDK a moment, and end it where that takes too long."""
    assert process.stdin  # noqa: S101 - a pipe was asked for
    process.stdin.close()
    try:
        async with asyncio.timeout(patience):
            await process.wait()
    except BaseException as error:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if not isinstance(error, TimeoutError):
            raise
