"""`session-service check`: prove a session endpoint before a paid run, or explain a check.

Decided here: what the options are called, that everything that can be wrong with them is found before anything is sent,
and the exit codes: 0 passed, 1 a check failed, 2 could not run, 130 ended by Ctrl-C. Neither the secret nor the
certificate is an option's value: arguments show in process lists and in a shell's history.
"""

import asyncio
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from session_service.agora import identifiers
from session_service.check import glossary, pages
from session_service.check.asking.wire import DEFAULT_LIMITS, Limits
from session_service.check.catalogue import CHECKS
from session_service.check.context import World
from session_service.check.model import Need
from session_service.check.plan import PROFILES, Plan, matching, plan
from session_service.check.redaction import Known
from session_service.check.reports import terminal, view
from session_service.check.runner import Listener, Run
from session_service.check.target import DEFAULT_HEADER, Target, endpoint
from session_service.check.watching.follow import END
from session_service.cli import check_reports, check_watch, credentials, running
from session_service.cli.check_reports import Outputs, Progress
from session_service.errors import InvalidValue

FAILED = 1
INTERRUPTED = 130
"""What a shell says of a program that SIGINT ended."""

_EXPLAIN = "explain"
_WORDS = "words"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@click.command("check", options_metavar="[OPTIONS]")
@click.argument("words", nargs=-1, metavar="URL | explain ID... | explain words")
@click.option("--client-id", metavar="ID", help="The client id, as in the platform's form. Needed.")
@click.option("--method", type=click.Choice(["POST", "GET"]), default="POST", show_default=True)
@click.option("--header", metavar="NAME", default=DEFAULT_HEADER, show_default=True, help="The secret header's name.")
@click.option(
    "--secret-env",
    metavar="NAME",
    default="SESSION_SECRET",
    show_default=True,
    help="The environment variable that holds the secret; NAME_FILE may name a file that does.",
)
@click.option("--join-uid", metavar="UID", type=int, default=1, show_default=True, help="The uid that the tester has.")
@click.option("--call-minutes", metavar="N", type=int, default=10, show_default=True, help="How long a call may last.")
@click.option("--expect-encryption", metavar="MODE|on|off", help="What the channel has to be encrypted with.")
@click.option("--profile", type=click.Choice(list(PROFILES)), help="How much to check; standard unless told.")
@click.option("--only", metavar="IDS", multiple=True, help="These checks and groups, and those that they come after.")
@click.option("--skip", metavar="IDS", multiple=True, help="Not these checks and groups. Example: --skip L,T03")
@click.option("--follow", is_flag=True, help="Follow one session of this service until its agent has come and gone.")
@click.option("--ops", metavar="URL", help="The operator's port, for --follow; as SESSION_OPS_PORT says unless told.")
@click.option(
    "--follow-seconds",
    metavar="N",
    type=click.IntRange(1, check_watch.LONGEST),
    default=round(END),
    show_default=True,
    help="How long a session that nobody joins may take to end by itself; then it is ended.",
)
@click.option("--join", is_flag=True, help="Join a session's channel with Agora's SDK, to hear that an agent comes.")
@click.option("--max-sessions", metavar="N", type=click.IntRange(min=0), help="Do not begin what may start more.")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 60),
    default=DEFAULT_LIMITS.answer,
    show_default=True,
    help="How long one answer may take.",
)
@click.option("--strict", is_flag=True, help="Fail for warnings, and for what was inconclusive.")
@click.option("--list", "listed", is_flag=True, help="Show the checks, and send nothing.")
@click.option("--json", "json_file", metavar="FILE", help="Write the report as JSON; - is standard output.")
@click.option("--junit", "junit_file", metavar="FILE", help="Write the report as JUnit XML; - is standard output.")
@click.option("--github", is_flag=True, help="Annotations and a summary; by itself where GITHUB_ACTIONS is true.")
def command(*, words: Sequence[str], listed: bool, **options: Any) -> None:
    """Check the session endpoint at URL, by calling it as the platform does.

    The secret is taken from SESSION_SECRET, or from another variable (--secret-env). AGORA_APP_CERTIFICATE lets tokens'
    signatures be checked as well; it is never sent. SESSION_OPS_TOKEN is what the operator's port asks for, if it does.
    Each can be NAME_FILE.

    `check explain T04` tells what a check looks at, why, and how to mend what it finds; `check explain words` what a
    uid and a token are. (A URL begins with http.)

    Exit code 0: passed. 1: a check failed; with --strict also one that warned or told nothing. 2: could not run, and
    nothing was sent. 130: ended by Ctrl-C; the reports hold what was found until then.
    """
    try:
        if listed:
            _list(options)
        elif words[:1] == (_EXPLAIN,):
            _explain(words[1:])
        else:
            sys.exit(_check(words, options))
    except InvalidValue as error:
        running.give_up(str(error))
    except KeyboardInterrupt:  # before the run began: whoever is to look was asked whether they can
        sys.exit(INTERRUPTED)


def _list(options: dict[str, Any]) -> None:
    chosen = _plan(options, profile=options["profile"] or "full")
    for check in chosen.checks:
        sessions = f"{check.sessions} session{'' if check.sessions == 1 else 's'}"
        print(f"{check.id}  {check.severity.value:<6}  {sessions:<11}  {check.profile:<8}  {check.title}")


def _explain(ids: Sequence[str]) -> None:
    out = check_reports.stream(sys.stdout)
    if not ids:
        raise InvalidValue("Name a check: session-service check explain ID. --list shows all.")
    if ids == (_WORDS,):
        out.write(glossary.text())
        return
    wanted = matching(ids)
    out.write("\n".join(pages.page(check) for check in plan("full").checks if check.id in wanted))


def _check(words: Sequence[str], options: dict[str, Any]) -> int:
    """Everything that can be wrong is found here, before the first line is printed and the first byte sent."""
    chosen = _plan(options, profile=options["profile"] or "standard")
    progress = Progress(sys.stderr, len(chosen.checks))
    target = replace(_target(words, options), watch=check_watch.watch(options, progress.tells))
    known = Known(target)
    listener = Listener(begins=progress.begins, heard=known.learn)
    world = World(time.time, time.perf_counter, os.urandom)
    limits = Limits(min(options["timeout"], DEFAULT_LIMITS.connect), options["timeout"])
    run = Run(target, chosen, world, max_sessions=options["max_sessions"], limits=limits, listener=listener)
    outputs = check_reports.opened(options, running.environment())
    outputs.say(terminal.opening(target, chosen, _origin(options["secret_env"]), known))
    interrupted = not _made(run)
    progress.over()
    return _told(run, known, outputs, strict=options["strict"], interrupted=interrupted)


def _told(run: Run, known: Known, outputs: Outputs, *, strict: bool, interrupted: bool) -> int:
    found = view.view(run.report(), known, strict=strict)
    outputs.write(found)
    if interrupted:
        return INTERRUPTED
    return 0 if found.passed else FAILED


def _made(run: Run) -> bool:
    """Whether the run came to its end; not if somebody pressed Ctrl-C."""
    try:
        asyncio.run(run.make())
    except KeyboardInterrupt:
        return False
    return True


def _plan(options: dict[str, Any], profile: str) -> Plan:
    watched = options["follow"] or options["join"]
    followed = [check.id for check in CHECKS if Need.FOLLOW in check.needs] if watched else []
    return plan(profile, _split(options["only"]), _split(options["skip"]), followed)


def _split(values: Sequence[str]) -> list[str]:
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def _target(words: Sequence[str], options: dict[str, Any]) -> Target:
    if len(words) != 1:
        raise InvalidValue(
            "Give one URL: session-service check https://agents.example.com/sessions --client-id ID. "
            "Or session-service check explain ID, or --list."
        )
    if not options["client_id"]:
        raise InvalidValue("--client-id is missing: the Client ID of the platform's form, which the endpoint serves.")
    return Target(
        endpoint(words[0]),
        options["client_id"],
        _secret(options["secret_env"]),
        method=options["method"],
        header=options["header"],
        certificate=credentials.optional("AGORA_APP_CERTIFICATE", identifiers.app_certificate),
        join_uid=options["join_uid"],
        call_minutes=options["call_minutes"],
        encryption=options["expect_encryption"],
        secret_variable=options["secret_env"],
    )


def _secret(name: str) -> bytes:
    """The secret that the variable holds. What is no name may be the secret itself, and is not repeated."""
    if _NAME.fullmatch(name) is None:
        raise InvalidValue("--secret-env takes the name of an environment variable, such as SESSION_SECRET.")
    return credentials.required(name, str.encode)


def _origin(name: str) -> str:
    environment = running.environment()
    return (
        f"from {name}" if environment.get(name) else f'from {name}_FILE; to repeat calls: {name}=$(cat "${name}_FILE")'
    )
