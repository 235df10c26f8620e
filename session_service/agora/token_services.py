"""What a token of version 007 can open: Agora's services, their privileges, and what each says about its user.

Decided here: the layout of one service, as a table. Called by `agora.tokens`. The layouts are those of Agora's own
builders (AgoraIO/Tools, AccessToken2); ConvoAI and STT are known from npm `agora-token` 2.0.6 alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from session_service.agora import packing
from session_service.agora.packing import Cursor
from session_service.errors import InvalidValue

Permissions = Mapping[int, Mapping[int, tuple[str, ...]]]
"""Of RTM2: kind of resource (0 message channels to 4 users), then permission (0 read, 1 write), then the resources."""


def _pack_permissions(permissions: Permissions) -> bytes:
    return packing.u16(len(permissions)) + b"".join(
        packing.u16(resource) + packing.u16(len(granted)) + b"".join(map(_pack_granted, sorted(granted.items())))
        for resource, granted in sorted(permissions.items())
    )


def _pack_granted(granted: tuple[int, tuple[str, ...]]) -> bytes:
    permission, names = granted
    return packing.u16(permission) + packing.u16(len(names)) + b"".join(map(packing.text, names))


def _read_permissions(cursor: Cursor) -> Permissions:
    return dict(cursor.many(lambda: (cursor.u16(), dict(cursor.many(lambda: _read_granted(cursor))))))


def _read_granted(cursor: Cursor) -> tuple[int, tuple[str, ...]]:
    return cursor.u16(), tuple(cursor.many(cursor.text))


@dataclass(frozen=True, slots=True)
class FieldType:
    """How one kind of field stands in a token. `pack` and `read` undo each other."""

    pack: Callable[[Any], bytes]
    read: Callable[[Cursor], Any]


TEXT = FieldType(packing.text, Cursor.text)
ROLE = FieldType(packing.i16, Cursor.i16)
PERMISSIONS = FieldType(_pack_permissions, _read_permissions)


@dataclass(frozen=True, slots=True)
class Kind:
    """One of Agora's services: its number in a token, its privileges numbered from 1, its fields in their order."""

    number: int
    name: str
    privileges: tuple[str, ...] = field(repr=False)
    fields: Mapping[str, FieldType] = field(repr=False)


RTC = Kind(
    1,
    "rtc",
    ("join_channel", "publish_audio", "publish_video", "publish_data_stream"),
    {"channel": TEXT, "uid": TEXT},
)

KINDS: Mapping[int, Kind] = MappingProxyType(
    {
        kind.number: kind
        for kind in (
            RTC,
            Kind(2, "rtm", ("login",), {"user_id": TEXT}),
            Kind(3, "streaming", ("publish_mix_stream", "publish_raw_stream"), {"channel": TEXT, "account": TEXT}),
            Kind(4, "fpa", ("login",), {}),
            Kind(5, "chat", ("user", "app"), {"user_id": TEXT}),
            Kind(6, "fcdn", ("publish", "play"), {"channel": TEXT, "account": TEXT}),
            Kind(7, "apaas", ("room_user", "user", "app"), {"room": TEXT, "user": TEXT, "role": ROLE}),
            Kind(8, "rtm2", ("login",), {"user_id": TEXT, "permissions": PERMISSIONS}),
            Kind(9, "convoai", (), {}),
            Kind(10, "stt", (), {}),
        )
    }
)
"""Every service that Agora's builders know, by its number."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a token.

    `privileges` maps a privilege's number to seconds after the token's issue, 0 meaning no limit of its own. `fields`
    has exactly the kind's fields. A uid is a decimal text; the empty one admits any uid, as an empty channel admits
    any channel.
    """

    kind: Kind
    privileges: Mapping[int, int]
    fields: Mapping[str, str | int | Permissions]

    def __post_init__(self) -> None:
        """Refuse a field too many or too few; InvalidValue."""
        if self.fields.keys() != self.kind.fields.keys():
            names = ", ".join(self.kind.fields) or "none"
            raise InvalidValue(f"The fields of the service {self.kind.name} are: {names}.")


def pack(service: Service) -> bytes:
    """Lay out one service; InvalidValue where something does not fit its place."""
    fields = (form.pack(service.fields[name]) for name, form in service.kind.fields.items())
    return packing.u16(service.kind.number) + packing.numbers(service.privileges) + b"".join(fields)


def read(cursor: Cursor) -> Service | None:
    """Read one service. None, and nothing read, where its number is unknown: nothing tells how long it is."""
    kind = KINDS.get(cursor.peek_u16())
    if kind is None:
        return None
    cursor.u16()
    privileges = cursor.numbers()
    return Service(kind, privileges, {name: form.read(cursor) for name, form in kind.fields.items()})
