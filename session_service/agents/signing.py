"""How a request proves that it comes from this service: Standard Webhooks, version 1 of its signatures.

Decided here: what a signed message is called. The signature covers id, time and body, not method and path, so the id
names what the request is for, and a server that compares the two cannot be fooled with a signature made for something
else. Called by the http launcher; `checked_secret` by `app`, for the settings.
"""

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook

from session_service.errors import InvalidValue

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret, as the specification bounds them."""
_RANDOM_BYTES = 8


def checked_secret(text: str) -> str:
    """Return a signing secret as it is written, whsec_ and base64; InvalidValue, without it, for all else."""
    encoded = text.removeprefix(PREFIX)
    try:
        size = len(b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if encoded == text or not SHORTEST <= size <= LONGEST:
        raise InvalidValue(f"A signing secret is {PREFIX} and the base64 of {SHORTEST} to {LONGEST} random bytes.")
    return text


class Signer:
    """Signs with every secret at once, so that either side can be given a new one first.

    `clock` is Unix time in seconds, `entropy` random bytes: a receiver refuses old times, and ids that it has seen.
    """

    def __init__(self, secrets: Sequence[str], *, clock: Callable[[], float], entropy: Callable[[int], bytes]) -> None:
        self._webhooks = [Webhook(secret) for secret in secrets]
        self._clock = clock
        self._entropy = entropy

    def headers(self, verb: str, subject: str, body: bytes) -> Mapping[str, str]:
        """The three headers for one request: `verb` and `subject` begin its id."""
        message = f"{verb}_{subject}_{self._entropy(_RANDOM_BYTES).hex()}"
        instant = datetime.fromtimestamp(int(self._clock()), tz=UTC)
        signatures = [webhook.sign(message, instant, body.decode()) for webhook in self._webhooks]
        return {
            "webhook-id": message,
            "webhook-timestamp": str(int(instant.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
