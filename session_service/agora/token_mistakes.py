"""Which mistake an invalid signature comes from: the few that people make are tried out.

Decided here: what is tried, and the sentence for each. Pure. Called by the checker, which knows the certificate.
"""

from contextlib import suppress

from session_service.agora.either_version import ANY_UID
from session_service.agora.legacy_tokens import LegacyToken
from session_service.agora.token_report import Expected, TokenReport
from session_service.errors import InvalidValue

SWAPPED = (
    "The App Certificate stands in the token where the App ID belongs: the two were swapped when it was minted. The "
    "certificate can be read out of the token, so replace it in Agora's console."
)


def unsigned(report: TokenReport, certificate: str, expected: Expected) -> str:
    """Why `certificate` did not sign the token, where one of the usual mistakes fits; empty where none does."""
    if report.app_id == certificate:
        return SWAPPED
    if _signed(report, report.app_id, expected):
        return "It was signed with the App ID in the certificate's place."
    if any(_signed(report, other, expected) for other in (certificate.lower(), certificate.upper())):
        return "It was signed with the certificate in another case, and upper and lower case count."
    return ""


def _signed(report: TokenReport, key: str, expected: Expected) -> bool:
    with suppress(InvalidValue):
        if not isinstance(report.token, LegacyToken):
            return report.token.signature_valid(key)
        user = ANY_UID if report.token.names_uid(ANY_UID) else expected.user
        if expected.channel is not None and user is not None:
            return report.token.signature_valid(key, expected.channel, user)
    return False
