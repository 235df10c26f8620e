"""The token of the first good call, decoded: what it says, and how that is shown in a line.

Decided here: which check tells about a token that cannot be looked at, and what of one is shown. An App ID is shown by
its beginning alone: by mistake it may be the certificate. Called by the cases of group K.
"""

from session_service.agora import instants, token_judgement, token_report
from session_service.agora.token_judgement import named_user, shown
from session_service.agora.token_report import Expected, TokenReport
from session_service.agora.tokens import VERSION
from session_service.check.answers import received
from session_service.check.answers.received import Received
from session_service.check.context import Context
from session_service.check.model import NotApplicable
from session_service.errors import UnreadableToken


def expected(context: Context, found: Received) -> Expected:
    """What the token has to be for."""
    return Expected(found.channel, str(context.target.join_uid), found.app_id)


def read(context: Context) -> tuple[Received, TokenReport]:
    """The join details and what their token says; UnreadableToken, NotApplicable where S02 has told about it."""
    found = received.first(context)
    if not (found.token.isascii() and found.token.isprintable()):
        raise NotApplicable("the token holds characters that S02 tells of")
    return found, token_report.report(found.token, context.target.certificate, expected(context, found))


def readable(context: Context) -> tuple[Received, TokenReport]:
    """The same of a token that can be read at all, which K01 tells about; NotApplicable."""
    try:
        return read(context)
    except UnreadableToken:
        raise NotApplicable("the token cannot be read, as K01 tells") from None


def opening(context: Context) -> tuple[Received, TokenReport]:
    """The same of a token that opens a channel at all, which K02 tells about; NotApplicable."""
    found, report = readable(context)
    if report.version == VERSION and report.channel is None:
        raise NotApplicable("the token opens no channel, as K02 tells")
    return found, report


def short(app_id: str) -> str:
    """The beginning of an App ID."""
    return shown(app_id[:8])


def decoded(report: TokenReport, now: int) -> str:
    """What the token says, in a line."""
    names = [f"version {report.version}", f"app id {short(report.app_id)} and so on"]
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
