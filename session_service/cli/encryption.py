"""`session-service encryption`: what each SDK is given to encrypt with, and what does not match between two sides.

Decided here: that keys and salts show as fingerprints unless asked for, because a terminal's text is kept and passed
on; and the exit codes. Keys come in from files, standard input and the environment, never from arguments.
"""

import json
import sys
from collections.abc import Iterator
from typing import BinaryIO

import click

from session_service.agora import encryption, encryption_report, sdk_parameters
from session_service.agora.encryption_report import Side
from session_service.agora.sdk_parameters import SDKS, Show
from session_service.cli import credentials, running
from session_service.errors import InvalidValue

_WRONG = 1
_MOST_BYTES = 1 << 20


@click.command("encryption")
@click.argument("source", metavar="ANSWER", type=click.File("rb"))
@click.option("--other", metavar="FILE", type=click.File("rb"), help="The other side: an answer, or what an agent got.")
@click.option("--channel", metavar="NAME", help="The other side: derived for this channel, from the master key.")
@click.option("--show-secrets", is_flag=True, help="Print keys and salts themselves. Mind where the text goes.")
def command(source: BinaryIO, other: BinaryIO | None, channel: str | None, show_secrets: bool) -> None:
    """Show what ANSWER gives each SDK to encrypt with, and compare it with another side.

    ANSWER is a file with the answer of a session endpoint, or - for standard input; what an agent is handed does as
    well. With --channel the other side is what an agent elsewhere derives; that takes SESSION_ENCRYPTION_MASTER_KEY, or
    SESSION_ENCRYPTION_MASTER_KEY_FILE.

    Exit code 0: nothing wrong. 1: a side is wrong, or the two do not match. 2: unreadable.
    """
    show = sdk_parameters.plain if show_secrets else sdk_parameters.fingerprint
    try:
        side = _read(source, "ANSWER")
        sides = [("the other side", _read(other, "--other"))] if other else []
        sides += [("what is derived", _derived(side, channel))] if channel is not None else []
    except InvalidValue as error:
        running.give_up(str(error))
    print(*_lines(side, show), sep="\n")
    problems = list(encryption_report.faults(side))
    for name, its in sides:
        print("", f"{name.capitalize()}:", *_summary(its, show), sep="\n")
        problems += [f"{name}: {fault}" for fault in encryption_report.faults(its)]
        problems += encryption_report.differences(side, its)
    print("", *[f"Wrong: {problem}" for problem in problems] or ["Nothing wrong."], sep="\n")
    sys.exit(_WRONG if problems else 0)


def _read(file: BinaryIO, name: str) -> Side:
    try:
        value: object = json.loads(file.read(_MOST_BYTES))
    except (ValueError, RecursionError):
        raise InvalidValue(f"{name} is not JSON. Give the whole body of one answer, and nothing before it.") from None
    try:
        return encryption_report.from_json(value)
    except InvalidValue as error:
        raise InvalidValue(f"{name}: {error}") from None


def _derived(side: Side, channel: str) -> Side:
    if side.known_mode is None:
        raise InvalidValue("What is derived depends on the mode, and ANSWER names none of Agora's.")
    key = credentials.required("SESSION_ENCRYPTION_MASTER_KEY", encryption.master_key)
    return encryption_report.from_encryption(encryption.derive(side.known_mode, key, channel))


def _lines(side: Side, show: Show) -> Iterator[str]:
    yield from _summary(side, show)
    if side.known_mode is None:
        return
    for sdk in SDKS:
        yield f"{sdk.name}, {sdk.place}:"
        for name, value in sdk_parameters.parameters(sdk, side, side.known_mode, show):
            yield f"  {name:<20} {value}"


def _summary(side: Side, show: Show) -> Iterator[str]:
    if not side.encrypted:
        yield "Not encrypted."
        return
    yield f"Mode  {_mode(side)}"
    yield f"Key   {show(side.key) if side.key else 'none'}"
    yield f"Salt  {_salt(side, show)}"


def _mode(side: Side) -> str:
    if side.known_mode:
        return f"{side.known_mode.name} ({side.known_mode.number})"
    return "none of Agora's" if side.mode else "none"


def _salt(side: Side, show: Show) -> str:
    if not side.salt:
        return "none"
    return show(side.salt) if side.salt_bytes is None else show(side.salt_bytes)
