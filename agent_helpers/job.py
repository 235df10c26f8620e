"""The test context of a LiveKit job. The only module that knows LiveKit's names for a job's metadata.

Called by the agent's entrypoint, or by anything that runs inside a job. Room metadata is taken from the connected room,
and from the job's own copy as long as the connected room has none: before `ctx.connect()`, and shortly after it. The
copy is as old as the dispatch; a room that was changed since is read anew by `follow_test_context`.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, overload

from agent_helpers.context import ProfileT, TestContext, read_context
from agent_helpers.errors import MetadataError
from agent_helpers.metadata import is_blank

logger = logging.getLogger("agent_helpers")

OnError = Literal["ignore", "raise"]
_MOST_WARNINGS = 20


class _Room(Protocol):
    @property
    def metadata(self) -> str: ...


class _Job(Protocol):
    @property
    def metadata(self) -> str: ...
    @property
    def room(self) -> _Room: ...


class JobContext(Protocol):
    """What is read of a `livekit.agents.JobContext`; any object of this shape will do."""

    @property
    def job(self) -> _Job: ...
    @property
    def room(self) -> _Room: ...


class _ChangingRoom(_Room, Protocol):
    def on(self, event: Literal["room_metadata_changed"], callback: Callable[[str, str], None], /) -> Any: ...


class RoomContext(JobContext, Protocol):
    """What is read and listened to by `follow_test_context`."""

    @property
    def room(self) -> _ChangingRoom: ...


@overload
def read_test_context(
    ctx: JobContext | None = None, *, profile: None = None, on_error: OnError = "ignore"
) -> TestContext[Mapping[str, Any]] | None: ...
@overload
def read_test_context(
    ctx: JobContext | None = None, *, profile: type[ProfileT], on_error: OnError = "ignore"
) -> TestContext[ProfileT] | None: ...
def read_test_context(
    ctx: JobContext | None = None, *, profile: type[Any] | None = None, on_error: OnError = "ignore"
) -> TestContext[Any] | None:
    """None for an ordinary call, a TestContext for a test. Works before and after `ctx.connect()`.

    Without `ctx` it reads the job that the caller runs in, and raises LiveKit's RuntimeError outside of one. `profile`
    is the team's dataclass, TypedDict or pydantic model for the test profile.

    A test with broken metadata is None as well, with one warning in the log, so that no ordinary call can be hurt by
    what stands there; with `on_error="raise"` it is a MetadataError. In a test, scenario_id and run_id join the job's
    log fields; nothing else is changed, and each call reads anew.
    """
    ctx = _current_job() if ctx is None else ctx
    return _read(ctx, _room_metadata(ctx), profile, on_error)


@overload
def follow_test_context(
    on_change: Callable[[TestContext[Mapping[str, Any]]], object],
    ctx: RoomContext | None = None,
    *,
    profile: None = None,
) -> TestContext[Mapping[str, Any]] | None: ...
@overload
def follow_test_context(
    on_change: Callable[[TestContext[ProfileT]], object], ctx: RoomContext | None = None, *, profile: type[ProfileT]
) -> TestContext[ProfileT] | None: ...
def follow_test_context(
    on_change: Callable[[TestContext[Any]], object], ctx: RoomContext | None = None, *, profile: type[Any] | None = None
) -> TestContext[Any] | None:
    """Reads like `read_test_context`, and calls `on_change` with a new context whenever the room's metadata changes.

    In an ordinary call nothing is watched. A change that breaks the metadata is a warning, and no call.
    """
    ctx = _current_job() if ctx is None else ctx

    def changed(_old: str, new: str) -> None:
        context = _read(ctx, new, profile, "ignore")
        if context is not None:
            on_change(context)

    context = read_test_context(ctx, profile=profile)
    if context is not None:
        ctx.room.on("room_metadata_changed", changed)
    return context


def is_livekit_simulation(ctx: Any) -> bool:
    """Whether the job belongs to LiveKit's own simulations, known by an attribute of the job (livekit-agents 1.6).

    The attribute alone decides: `simulation_context()` is None for one that LiveKit cannot parse.
    """
    return "lk.simulator.dispatch" in (getattr(ctx.job, "attributes", None) or ())


def _current_job() -> Any:
    from livekit.agents import get_job_context

    return get_job_context()


def _room_metadata(ctx: JobContext) -> object:
    connected = ctx.room.metadata
    return ctx.job.room.metadata if is_blank(connected) else connected


def _read(ctx: JobContext, room: object, profile: type[Any] | None, on_error: OnError) -> TestContext[Any] | None:
    if on_error not in ("ignore", "raise"):
        raise ValueError('on_error is "ignore" or "raise"')
    try:
        context = read_context(ctx.job.metadata, room, profile)
    except MetadataError as error:
        if on_error == "raise":
            raise
        logger.warning("Test metadata is broken; the job goes on as an ordinary call: %s", error)
        return None
    if context is not None:
        _announce(ctx, context)
    return context


def _announce(ctx: JobContext, context: TestContext[Any]) -> None:
    """The ids into the log records of this job, and a warning for what a sender should mend."""
    fields = getattr(ctx, "log_context_fields", None)
    if isinstance(fields, dict):
        fields.update(scenario_id=context.scenario_id, run_id=context.run_id)
    for note in context.notes[:_MOST_WARNINGS]:
        logger.warning("Test metadata was read, and should be mended: %s", note)
