"""Jobs of LiveKit's shape, without LiveKit: what the reader needs of a JobContext, and nothing else."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Room:
    """A room as the job sees it. `metadata` may be anything, to be able to misbehave."""

    metadata: Any = ""
    listeners: list[Callable[[str, str], None]] = field(default_factory=list)

    def on(self, event: str, callback: Callable[[str, str], None], /) -> None:
        assert event == "room_metadata_changed"
        self.listeners.append(callback)

    def change(self, metadata: str) -> None:
        """What a room does when its metadata changes: the new text first, the event afterwards."""
        old, self.metadata = self.metadata, metadata
        for listener in self.listeners:
            listener(old, metadata)


@dataclass
class Job:
    metadata: Any = ""
    room: Room = field(default_factory=Room)


@dataclass
class Context:
    """`room` is the connected room, `job.room` the copy that came with the dispatch."""

    job: Job
    room: Room = field(default_factory=Room)
    log_context_fields: dict[str, Any] = field(default_factory=dict)


def job(metadata: Any = "", *, copy: Any = "", connected: Any = "") -> Context:
    """A job; metadata that is no text is written as JSON."""
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    return Context(Job(text, Room(copy)), Room(connected))


def claim(**fields: Any) -> dict[str, Any]:
    """The smallest test, and more."""
    return {"scenario_id": 123, "run_id": 456, **fields}
