"""A run's report for a person at a terminal.

Decided here: how it looks. A section a group, a line a check, and whatever did not pass in full: what is wrong, why it
matters and how to mend it, then what was sent, what came back, and how to repeat it. The last lines say what is wrong
once more, since that is where a log is read first. Written for somebody who has never heard of a uid.
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from session_service.check.model import Outcome, Severity
from session_service.check.plan import Plan
from session_service.check.redaction import Known, visible
from session_service.check.reports.view import GROUPS, CheckView, View, page
from session_service.check.runner import BLOCKED
from session_service.check.target import Target

_WIDTH = 110
_INDENT = " " * 6
_LABEL = 9
_AGORAS = ("S", "K", "E", "G")
"""The groups whose findings use Agora's words."""
_DECODED = "K"
"""The group of which a failed check tells what the token says."""
_COLOUR = re.compile(r"\x1b\[\d+m")
_MARKS = {
    Outcome.PASS: ("✔", "ok  "),
    Outcome.FAIL: ("✖", "FAIL"),
    Outcome.WARN: ("!", "WARN"),
    Outcome.INFO: ("i", "info"),
    Outcome.SKIP: ("–", "skip"),  # noqa: RUF001 - a dash, as skipped tests have
    Outcome.INCONCLUSIVE: ("?", "??  "),
}
_COLOURS = {Outcome.PASS: 32, Outcome.FAIL: 31, Outcome.WARN: 33, Outcome.INCONCLUSIVE: 33}
_WORDS = {
    Outcome.PASS: ("passed", "passed"),
    Outcome.FAIL: ("failed", "failed"),
    Outcome.WARN: ("warning", "warnings"),
    Outcome.INFO: ("note", "notes"),
    Outcome.SKIP: ("skipped", "skipped"),
    Outcome.INCONCLUSIVE: ("inconclusive", "inconclusive"),
}


@dataclass(frozen=True, slots=True)
class Style:
    """What the terminal can show."""

    colour: bool
    unicode: bool

    def mark(self, outcome: Outcome) -> str:
        """The sign before a line."""
        sign = _MARKS[outcome][0 if self.unicode else 1]
        return f"\x1b[{_COLOURS[outcome]}m{sign}\x1b[0m" if self.colour and outcome in _COLOURS else sign

    def strong(self, text: str) -> str:
        """The text, to be seen first."""
        return f"\x1b[1m{text}\x1b[0m" if self.colour else text


def style(*, colour: bool, encoding: str) -> Style:
    """Signs that the encoding has, in colour or not."""
    try:
        "".join(signs[0] for signs in _MARKS.values()).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return Style(colour, unicode=False)
    return Style(colour, unicode=True)


def opening(target: Target, plan: Plan, secret_from: str, known: Known) -> str:
    """What is about to be done, before anything is sent.

    The secret shows as where it comes from and its length. No digest of it: whoever sees a report of a public pipeline
    could try guesses against one, and nobody knows whether this endpoint's secret is strong.
    """
    signature = "checked against" if target.certificate else "not checked, for want of"
    rows = {
        "Endpoint": f"{target.method} {known.without_secrets(str(target.endpoint))}",
        "Client ID": visible(known.without_secrets(target.client_id)),
        "Secret": f"{secret_from}, {len(target.secret)} characters, sent in {target.header}",
        "Signature": f"{signature} AGORA_APP_CERTIFICATE, which signs tokens and stays here",
        "Plan": f"{_number(len(plan.checks), 'check')}, profile {plan.profile}; at most "
        f"{_number(plan.sessions, 'session')} will be started, unless the endpoint lets in whom it should refuse",
    }
    lines = [line for name, value in rows.items() for line in _wrapped(f"{name:<12} ", value)]
    return "\n".join(lines) + "\n"


def written(view: View, style: Style) -> str:
    """Everything that was found. What was skipped for one and the same failure stands together at the end."""
    lines: list[str] = []
    for group, checks in view.by_group().items():
        told = [check for check in checks if not _follows(check)]
        if told:
            lines += ["", style.strong(GROUPS[group])]
            lines += [line for check in told for line in _check(check, style)]
    text = "\n".join([*lines, *_unchecked(view, style), "", *_closing(view, style)]) + "\n"
    return text.replace("\n\n\n", "\n\n")


def findings(check: CheckView) -> str:
    """What a check found, in full, without its line; empty where it found nothing."""
    return "\n".join(_findings(check)).rstrip("\n")


def _follows(check: CheckView) -> bool:
    """Whether it was skipped because another one did not pass."""
    return check.outcome is Outcome.SKIP and check.reason.endswith(BLOCKED)


def _unchecked(view: View, style: Style) -> Iterator[str]:
    skipped = [check for checks in view.by_group().values() for check in checks if _follows(check)]
    if not skipped:
        return
    yield from ("", style.strong("Not checked"))
    for reason in dict.fromkeys(check.reason for check in skipped):
        ids = ", ".join(check.id for check in skipped if check.reason == reason)
        yield from _listed(f"  {style.mark(Outcome.SKIP)} ", f"{reason}: {ids}")


def _check(check: CheckView, style: Style) -> Iterator[str]:
    said = "" if check.findings or not check.reason else f" ({check.reason})"
    yield from _listed(f"  {style.mark(check.outcome)} {check.id}  ", check.title + said)
    yield from _findings(check)


def _findings(check: CheckView) -> Iterator[str]:
    """Each finding, the most important first. What several have in common stands once: a reason where it is first
    told, a call behind the last that it belongs to, and behind them all what is the check's own."""
    told: set[tuple[str, str]] = set()
    for (sent, got, curl), found in groupby(check.findings, key=lambda one: (one.sent, one.got, one.curl)):
        what = ""
        for finding in found:
            what = finding.what
            yield from _row(finding.severity, what)
            if (finding.why, finding.mend) not in told:
                yield from _row("why", finding.why)
                yield from _row("fix", finding.mend)
            told.add((finding.why, finding.mend))
        yield from _row("sent", sent)
        yield from _row("got", "" if got in what else got)
        if curl:
            yield _lead("repeat") + curl  # in one piece, to be pasted
    if check.findings:
        yield from _row("token", check.reason if check.group == _DECODED else "")
        yield from _row("rests on", _ground(check))
        yield from _row("more", f"session-service check explain {check.id}, or {page(check.id)}")
        yield ""


def _row(label: str, text: str) -> Iterator[str]:
    """A labelled text in as many lines as it takes."""
    yield from _wrapped(_lead(label), text) if text else ()


def _lead(label: str) -> str:
    return f"{_INDENT}{label:<{_LABEL}}"


def _listed(lead: str, text: str) -> list[str]:
    """A line that begins with a sign, which may be coloured, in as many lines as it takes."""
    return _wrapped(lead, text, indent=len(_COLOUR.sub("", lead)))


def _wrapped(lead: str, text: str, indent: int = 0) -> list[str]:
    """The text behind its lead, cut at spaces alone; the lines below it begin where it began."""
    indent = indent or len(lead)
    lines = textwrap.wrap(text, _WIDTH - indent, break_on_hyphens=False) or [""]
    return [lead + lines[0], *(" " * indent + line for line in lines[1:])]


def _ground(check: CheckView) -> str:
    if not check.assumptions:
        return check.rests_on
    word = "assumption" if len(check.assumptions) == 1 else "assumptions"
    rows = ", ".join(map(str, check.assumptions))
    return f"{check.rests_on}. The platform's page leaves some of it open: {word} {rows} in docs/assumptions.md"


def _closing(view: View, style: Style) -> Iterator[str]:
    counts = ", ".join(
        f"{number} {_WORDS[Outcome(outcome)][number != 1]}" for outcome, number in view.counts().items() if number
    )
    rest = f"{_number(view.started, 'session')} started, {view.announced} announced, {view.seconds:.1f} s"
    yield from _listed(f"{style.strong(_verdict(view))} ", f"{counts or 'nothing was checked'} ({rest}).")
    bad = [check for check in view.checks if check.bad]
    for check in bad:
        text = check.findings[0].what if check.findings else f"{check.title}: {check.reason}"
        yield from _listed(f"  {style.mark(check.outcome)} {check.id}  ", text)
    yield from _notes(view, bad)


def _notes(view: View, bad: list[CheckView]) -> Iterator[str]:
    """What helps to read the report, where it has something to read."""
    if view.started > view.announced:
        yield "More sessions than announced: calls that had to be refused were answered as if they were good ones."
    if any(Severity.MUST.value == check.severity for check in bad):
        yield "MUST: a run of the platform depends on it, or the safety of your project. SHOULD: it only warns."
    if any(check.findings and check.group in _AGORAS for check in view.checks):
        yield "What tester, App ID, channel, uid, token, key and salt are: session-service check explain words"


def _verdict(view: View) -> str:
    if not view.complete:
        return "Cut short:"
    return "Passed:" if view.passed else "Not passed:"


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
