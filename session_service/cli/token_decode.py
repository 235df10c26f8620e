"""`session-service token decode`: what a token says, whether it is signed, and what is wrong with it.

Decided here: how a report looks on a terminal, what goes to standard error, and the exit codes. docs/tokens.md tells
users the same. The token itself is never printed back.
"""

import json
import re
import sys
import time
from collections.abc import Iterator

import click

from session_service.agora import identifiers, instants, token_judgement, token_remarks, token_report
from session_service.agora.token_judgement import Difference, named_user, shown
from session_service.agora.token_report import Expected, ServiceReport, TokenReport
from session_service.cli import credentials, running
from session_service.errors import UnreadableToken

_WRONG = 1
_MOST_BYTES = 1 << 20
_PLAIN = re.compile(r"[0-9A-Za-z]+")
_NOT_TOLD = "not told by version 006"


@click.command("decode")
@click.argument("token")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@click.option("--expect-channel", metavar="NAME", help="The channel that it should open.")
@click.option("--expect-uid", metavar="UID", help="The uid, or the user account, that it should admit; 0 is any uid.")
@click.option("--expect-app-id", metavar="ID", help="The App ID that it should be for.")
@click.option("--expect-live", is_flag=True, help="It should be good right now.")
def command(
    *,
    token: str,
    as_json: bool,
    expect_channel: str | None,
    expect_uid: str | None,
    expect_app_id: str | None,
    expect_live: bool,
) -> None:
    """Show what TOKEN says. Write - and pass the token on standard input: arguments show in process lists.

    The signature is checked with AGORA_APP_CERTIFICATE, or AGORA_APP_CERTIFICATE_FILE, where one is set. For a token of
    version 006 that takes --expect-channel and --expect-uid as well.

    Exit code 0: readable, and nothing wrong. 1: signature invalid, or an expectation not met. 2: unreadable.
    """
    certificate = credentials.optional("AGORA_APP_CERTIFICATE", identifiers.app_certificate)
    user = None if expect_uid is None else token_report.user(expect_uid)
    expected = Expected(expect_channel, user, expect_app_id, expect_live)
    try:
        report = token_report.report(_given(token), certificate, expected)
    except UnreadableToken as error:
        running.give_up(f"This token cannot be read. {error}")
    now = int(time.time())
    differences = token_judgement.judge(report, expected, now)
    notes = _notes(report, expected, now)
    if as_json:
        print(json.dumps(report.document()))
        print(*_verdict(differences, notes), sep="\n", file=sys.stderr)
    else:
        print(*_lines(report, now), "", *_verdict(differences, notes), sep="\n")
    sys.exit(_WRONG if differences else 0)


def _given(token: str) -> str:
    if token != "-":  # noqa: S105 - the word for standard input
        return token
    data = sys.stdin.buffer.read(_MOST_BYTES)
    try:
        # Editors on Windows put a byte order mark first.
        return data.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise UnreadableToken("Standard input is not UTF-8 text.") from None


def _notes(report: TokenReport, expected: Expected, now: int) -> list[str]:
    """What is said and changes no exit code: also that it has expired, where nobody expects it to be live."""
    expired = () if expected.live else token_judgement.liveness(report, now)
    return [*map(str, expired), *token_remarks.remarks(report, now)]


def _verdict(differences: tuple[Difference, ...], notes: list[str]) -> Iterator[str]:
    for difference in differences:
        yield f"Wrong {difference.subject.replace('_', ' ')}: {difference}"
    for note in notes:
        yield f"Note: {note}"
    if not differences and not notes:
        yield "Nothing wrong."


def _lines(report: TokenReport, now: int) -> Iterator[str]:
    for name, value in _head(report, now):
        yield f"{name:<10} {value}"
    for service in report.services:
        yield _service(service)
        for privilege, end in service.privileges.items():
            yield f"  {privilege:<27} {_end(report.expires_at if end is None else end, now)}"


def _head(report: TokenReport, now: int) -> Iterator[tuple[str, str]]:
    yield "Version", report.version
    yield "App ID", report.app_id if _PLAIN.fullmatch(report.app_id) else shown(report.app_id)
    yield "Channel", _told(report, None if report.channel is None else _channel(report.channel))
    yield "User", _told(report, None if report.user is None else named_user(report.user))
    yield "Issued", _told(report, None if report.issued_at is None else _instant(report.issued_at, now))
    yield "Expires", _end(report.expires_at, now)
    yield "Lifetime", _told(report, _lifetime(report))
    yield "Signature", _signature(report)


def _channel(channel: str) -> str:
    return shown(channel) if channel else "any channel"


def _told(report: TokenReport, value: str | None) -> str:
    if value is not None:
        return value
    return "none: there is no service rtc" if report.issued_at is not None else _NOT_TOLD


def _lifetime(report: TokenReport) -> str | None:
    return None if report.issued_at is None else instants.span(report.expires_at - report.issued_at)


def _signature(report: TokenReport) -> str:
    if report.unchecked_because is None:
        return report.signature
    hint = " (--expect-channel and --expect-uid)" if report.unchecked_because == token_report.ONLY_CHECKSUMS else ""
    return f"{report.signature}: {report.unchecked_because}{hint}"


def _instant(instant: int, now: int) -> str:
    return f"{instants.utc(instant)} ({instants.relative(instant, now)})"


def _end(end: int, now: int) -> str:
    if end > now:
        return f"until {instants.utc(end)} ({instants.span(end - now)} left)"
    return f"ended {instants.utc(end)} ({instants.span(now - end)} ago)"


def _service(service: ServiceReport) -> str:
    fields = (f"{name} {shown(value)}" for name, value in service.fields.items())
    return ", ".join([f"Service    {service.name}", *fields])
