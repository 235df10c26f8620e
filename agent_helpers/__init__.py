"""The test context of a LiveKit agent, as the platform dispatches it: typed, checked, and None in production.

    test = read_test_context(ctx)

The manual is docs/agent-helpers.md. Importing this package loads nothing else, not even most of the standard library:
each name loads its module when it is first used.
"""

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from agent_helpers.context import RoomConfig, TestContext
    from agent_helpers.errors import MetadataError, Problem
    from agent_helpers.job import follow_test_context, read_test_context
    from agent_helpers.session import label_session, room_options_for, track_if_test

__all__ = [
    "MetadataError",
    "Problem",
    "RoomConfig",
    "TestContext",
    "follow_test_context",
    "label_session",
    "read_test_context",
    "room_options_for",
    "track_if_test",
]

_HOMES = {
    "MetadataError": "errors",
    "Problem": "errors",
    "RoomConfig": "context",
    "TestContext": "context",
    "follow_test_context": "job",
    "label_session": "session",
    "read_test_context": "job",
    "room_options_for": "session",
    "track_if_test": "session",
}


if not TYPE_CHECKING:  # a checker that saw it would believe in every name

    def __getattr__(name: str) -> object:
        """PEP 562: called once a name, and then found in the module's own dictionary."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
