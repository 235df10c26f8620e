"""The join details of an answer, as they were received and be they wrong.

Decided here: which keys are the contract's, and that nobody who has no three texts has join details. Called by the
cases that judge what an answer says; S01 alone tells what is wrong with one that cannot be read. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from session_service.agora.encryption_report import Side
from session_service.check.answers import judging
from session_service.check.asking.messages import Answer
from session_service.check.context import Context
from session_service.check.model import NotApplicable

ENCRYPTION = ("encryption_mode", "encryption_key", "encryption_salt")


@dataclass(frozen=True, slots=True)
class Received:
    """The three required texts, and whatever else the answer has."""

    app_id: str
    channel: str
    token: str = field(repr=False)
    others: Mapping[str, object] = field(repr=False)

    @property
    def side(self) -> Side:
        """What the channel is encrypted with. What is empty or no text counts as absent."""
        mode, key, salt = (_text(self.others.get(name)) for name in ENCRYPTION)
        return Side(mode, key, salt)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def received(answer: Answer) -> Received | None:
    """The join details in the answer; None where it has not got all three texts."""
    document = judging.document(answer) or {}
    app_id, channel, token = (_text(document.pop(name, None)) for name in judging.JOIN_DETAILS)
    return Received(app_id, channel, token, document) if app_id and channel and token else None


def first(context: Context) -> Received:
    """Those of the first good call; NotApplicable where there are none."""
    found = received(context.first_answer())
    if found is None:
        raise NotApplicable("the answer holds no join details to look at")
    return found
