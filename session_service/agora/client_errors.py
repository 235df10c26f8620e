"""What Agora's clients say when a token does not work, and what that usually means here.

Decided here: which numbers we explain, and in which words. Called by the reports of this room; docs/tokens.md lists the
same, and a test holds the two together. Numbers and names: Agora's help pages on token errors, and `renewToken` in its
API reference.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class JoinError:
    """One answer to a join. `native` and `web` are the SDKs' names; None where an SDK does not have it.

    `meaning` and `usually` are sentences for somebody who sees the number for the first time.
    """

    number: int
    native: str | None
    web: str | None
    meaning: str
    usually: str

    @property
    def told(self) -> str:
        """What the client does, in one sentence."""
        names = " or ".join(filter(None, (self.native, self.web and f"{self.web} in browsers")))
        return f"Agora's client does not get in and reports error {self.number} ({names}): {self.meaning}"


INVALID_APP_ID = JoinError(
    101,
    "ERR_INVALID_APP_ID",
    "ERR_INVALID_VENDOR_KEY",
    "The App ID does not look like one, or is no project's.",
    "agora_app_id was mistyped, cut, or holds the App Certificate.",
)
EXPIRED = JoinError(
    109,
    "ERR_TOKEN_EXPIRED",
    "ERR_DYNAMIC_KEY_TIMEOUT",
    "The token's time is over.",
    "An old answer was used again, the clock of the host that minted it is wrong, or the token's end was given "
    "as Unix seconds where a duration belongs, or the reverse.",
)
INVALID_TOKEN = JoinError(
    110,
    "ERR_INVALID_TOKEN",
    "ERR_NO_AUTHORIZED",
    "The token does not open this channel of this project for this uid.",
    "App ID, channel or uid of the join differ from the token's, or another project's certificate signed it.",
)

JOIN_ERRORS: Mapping[int, JoinError] = MappingProxyType(
    {
        error.number: error
        for error in (
            INVALID_APP_ID,
            EXPIRED,
            INVALID_TOKEN,
            JoinError(
                118,
                None,
                "ERR_DYNAMIC_KEY_EXPIRED",
                "The token's time is over.",
                "As 109.",
            ),
            JoinError(
                119,
                None,
                "ERR_STATIC_USE_DYNAMIC_KEY",
                "A token was given, and the project has no certificate to check it with.",
                "No certificate is enabled in Agora's console; native SDKs report 110.",
            ),
            JoinError(
                120,
                None,
                "ERR_DYNAMIC_USE_STATIC_KEY",
                "No token was given, and the project asks for one.",
                "agora_token did not reach the join; native SDKs report 110.",
            ),
        )
    }
)
"""Every number that concerns tokens, in ascending order."""

RENEWALS: Mapping[int, str] = MappingProxyType(
    {
        0: "renewed",
        1: "the server failed",
        2: "the new token has expired",
        3: "the new token is invalid, or for another uid",
        4: "the new token is for another channel",
        5: "the new token is for another App ID",
        6: "another renewal came after it",
    }
)
"""What `renewToken` answers to a participant who is in the channel already."""
