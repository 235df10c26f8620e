"""A token in a line, for a person: what it says, and what is known of its signature.

Decided here: what of a token is shown. An App ID is shown by its beginning alone: by mistake it may be the certificate,
and its beginning is enough to compare it with another. Called by the cases of group K.
"""

from session_service.agora import instants, token_judgement
from session_service.agora.token_judgement import named_user, shown
from session_service.agora.token_report import TokenReport


def short(app_id: str) -> str:
    """The beginning of an App ID."""
    return shown(app_id[:8]) + ("..." if len(app_id) > 8 else "")


def decoded(report: TokenReport, now: int) -> str:
    """What the token says, in a line."""
    names = [f"version {report.version}", f"app id {short(report.app_id)}"]
    if report.channel is not None:
        names.append(f"channel {shown(report.channel)}")
    if report.user is not None:
        names.append(named_user(report.user))
    end, _ = token_judgement.end_of_use(report)
    return ", ".join([*names, *report.privileges, f"ends {instants.relative(end, now)}"])


_GIVE_IT = "AGORA_APP_CERTIFICATE is where this checker takes it from"


def proof(report: TokenReport) -> str:
    """What is known of the signature of a token that opens its channel."""
    if report.signature == "valid":
        return "for this channel, and signed with the certificate"
    return f"for this channel; signature not checked: {report.unchecked_because}. {_GIVE_IT}"
