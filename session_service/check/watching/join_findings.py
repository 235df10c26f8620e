"""What the tester's seat in the channel tells, as findings.

Decided here: what each number of Agora's SDK is called, and that whatever keeps a tester from hearing anybody fails the
run: the platform's tester would fare the same. Called by `join`. Numbers: ERROR_CODE_TYPE and ConnectionChangedReason
of Agora's API reference.
"""

from collections.abc import Mapping
from typing import Any

from session_service.agora import encryption_report
from session_service.agora.client_errors import JOIN_ERRORS
from session_service.check.model import Finding, Severity

_ERROR_OF_REASON = {6: 101, 8: 110, 9: 109}
_SAME_UID = 19


def fault(event: Mapping[str, Any]) -> Finding | None:
    """What keeps the tester from hearing anybody, where the event tells of it."""
    match event:
        case {"event": "refused", "number": int(number)}:
            return _refused(number)
        case {"event": "error", "number": int(number)} if number in JOIN_ERRORS:
            return _refused(number)
        case {"event": "removed", "reason": int(reason)}:
            return _removed(reason)
        case {"event": "undecipherable"}:
            return _UNDECIPHERABLE
        case {"event": "unwilling"}:
            return _UNWILLING
        case _:
            return None


def _refused(number: int) -> Finding:
    known = JOIN_ERRORS.get(number)
    if known is None:
        what = f"The tester could not join: Agora's SDK reports error {number}."
        mend = "Look the number up in Agora's API reference (ERROR_CODE_TYPE)."
        return Finding(what, severity=Severity.MUST, why=_ALONE, mend=mend)
    what = f"The tester could not join. {known.told}"
    return Finding(what, severity=Severity.MUST, why=_ALONE, mend=f"Usually: {known.usually}")


def _removed(reason: int) -> Finding:
    if reason in _ERROR_OF_REASON:
        return _refused(_ERROR_OF_REASON[reason])
    if reason == _SAME_UID:
        what = "Somebody else joined with the tester's uid, which removed the tester from the channel."
        mend = "Give the agent a uid of its own, which is not the one that the tester's token is for."
        return Finding(what, severity=Severity.MUST, why="Each uid is in a channel once.", mend=mend)
    what = f"Agora ended the tester's connection, for reason {reason}."
    mend = "Look the number up in Agora's API reference (ConnectionChangedReason)."
    return Finding(what, severity=Severity.MUST, why=_ALONE, mend=mend)


_ALONE = "The platform joins with the same token. A tester that does not get in talks to nobody."
_UNDECIPHERABLE = Finding(
    "The tester is in the channel and cannot decipher what it receives.",
    severity=Severity.MUST,
    why=encryption_report.SILENCE,
    mend="Give the agent the very mode, key and salt that the answer has, and none where it has none; "
    "`session-service encryption` compares them.",
)
_UNWILLING = Finding(
    "Agora's SDK does not take this encryption mode with this key and salt.",
    severity=Severity.MUST,
    why="Whoever joins all the same hears nobody.",
    mend="Answer another mode; `session-service encryption` shows what each SDK is given.",
)


def nobody(patience: float) -> Finding:
    """Nobody came within that many seconds."""
    what = f"The tester was in the channel for {patience:g} seconds, and nobody else came."
    mend = "Start an agent for every call, with the App ID and in the channel that are answered."
    return Finding(what, mend=f"{mend} Look into the agent's log.")


def silent(uid: str, patience: float) -> Finding:
    """Somebody came, and was not heard within that many seconds."""
    what = f"Somebody came to the channel (uid {uid}), and was not heard within {patience:g} seconds."
    why = "An agent that does not publish audio, or encrypts it differently, is a silent call."
    mend = "Let the agent publish its audio when it joins. One that waits to be spoken to is silent here, and is right."
    return Finding(what, why=why, mend=mend)
