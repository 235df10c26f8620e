"""What `sessions` gets for one session on Agora: the tester's join details and the agent's seat.

Decided here: the channel's name, who has which uid, and which random byte goes where.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class JoinDetails:
    """What the tester needs, under the contract's names. What is absent is None."""

    agora_app_id: str
    agora_channel: str
    agora_token: str = field(repr=False)
    encryption_mode: str | None = None
    encryption_key: str | None = field(default=None, repr=False)
    encryption_salt: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Seat:
    """The agent's own place in the channel: its uid, and a token that admits that uid alone."""

    app_id: str
    channel: str
    token: str = field(repr=False)
    uid: int
    tester_uid: int
