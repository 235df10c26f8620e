"""What Agora's numbers mean to the person who has to mend it.

Decided here: one sentence for each number. Called by `presence` and `sdk`. Error numbers: Agora's page on token-related
issues (101, 109, 110) and ERROR_CODE_TYPE of its API reference; reasons: ConnectionChangedReason of the same reference.
"""

from collections.abc import Mapping
from types import MappingProxyType

ERRORS: Mapping[int, str] = MappingProxyType(
    {
        101: "Agora knows no such App ID (error 101). Compare AGORA_APP_ID with the project in Agora's console.",
        102: "Agora does not allow the channel's name (error 102): at most 63 letters, digits and some signs.",
        109: (
            "The agent's token has expired (error 109). "
            "Set the clock of the service's machine, or a longer SESSION_TOKEN_LIFETIME."
        ),
        110: (
            "The agent's token is not valid here (error 110): it was made for another App ID, channel or uid, or "
            "signed with another certificate. Compare AGORA_APP_CERTIFICATE with the project in Agora's console."
        ),
    }
)
_REASONS: Mapping[int, str] = MappingProxyType(
    {
        3: "Agora banned the agent from the channel (reason 3): somebody removed it by Agora's REST API.",
        10: "Agora's server refused the agent (reason 10).",
        19: "Somebody else joined with the agent's uid (reason 19). Run one agent for each session.",
        20: "The channel has as many hosts as Agora allows (reason 20).",
    }
)
_ERROR_OF_REASON: Mapping[int, int] = MappingProxyType({6: 101, 7: 102, 8: 110, 9: 109})


def refused(error: int) -> str:
    """The sentence for an error number."""
    return ERRORS.get(error, f"Agora refused the join with error {error}. Its API reference lists the numbers.")


def removed(reason: int) -> str:
    """The sentence for a reason; the same as the error's where Agora has a number of both kinds."""
    if reason in _ERROR_OF_REASON:
        return ERRORS[_ERROR_OF_REASON[reason]]
    return _REASONS.get(reason, f"Agora ended the connection for reason {reason} (ConnectionChangedReason).")
