"""A run's report for a person at a terminal.

Decided here: how it looks. A section a group, a line a check, and whatever did not pass in full: what was sent and
what came back, why it matters, how to mend it, and how to repeat it. Written for somebody who has never heard of a uid.
"""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from session_service.check.model import Outcome, Severity
from session_service.check.plan import Plan
from session_service.check.redaction import Known, visible
from session_service.check.reports.view import GROUPS, CheckView, FindingView, View
from session_service.check.target import Target

_WIDTH = 110
_INDENT = " " * 6
_LABEL = 9
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
    certificate = "given, so the token's signature is checked" if target.certificate else "not given"
    rows = {
        "Endpoint": f"{target.method} {known.without_secrets(str(target.endpoint))}",
        "Client ID": visible(known.without_secrets(target.client_id)),
        "Secret": f"{secret_from}, {len(target.secret)} characters, sent in {target.header}",
        "Certificate": f"{certificate} (AGORA_APP_CERTIFICATE)",
        "Plan": f"{_number(len(plan.checks), 'check')}, profile {plan.profile}; at most "
        f"{_number(plan.sessions, 'session')} will be started, unless the endpoint lets in whom it should refuse",
    }
    return "".join(f"{name:<12} {value}\n" for name, value in rows.items())


def written(view: View, style: Style) -> str:
    """Everything that was found."""
    lines: list[str] = []
    for group, checks in view.by_group().items():
        lines += ["", style.strong(GROUPS[group])]
        for _, alike in groupby(checks, key=_alike):
            lines += _checks(list(alike), style)
    text = "\n".join([*lines, "", *_closing(view, style)]) + "\n"
    return text.replace("\n\n\n", "\n\n")


def findings(check: CheckView) -> str:
    """What a check found, in full, without its line; empty where it found nothing."""
    return "\n".join(line for finding in check.findings for line in _finding(check, finding))


def _alike(check: CheckView) -> str:
    """What makes neighbours one line: nothing was checked, and for the same reason. Else the id, which is unique."""
    return check.reason if check.outcome is Outcome.SKIP else check.id


def _checks(checks: list[CheckView], style: Style) -> Iterator[str]:
    if len(checks) == 1:
        yield from _check(checks[0], style)
        return
    ids = ", ".join(check.id for check in checks)
    yield f"  {style.mark(Outcome.SKIP)} {ids}  not checked ({checks[0].reason})"


def _check(check: CheckView, style: Style) -> Iterator[str]:
    line = f"  {style.mark(check.outcome)} {check.id}  {check.title}"
    yield f"{line} ({check.reason})" if check.reason else line
    for finding in check.findings:
        yield from _finding(check, finding)
        yield ""


def _finding(check: CheckView, finding: FindingView) -> Iterator[str]:
    yield from _row(finding.severity, finding.what)
    yield from _row("sent", finding.sent)
    if finding.got not in finding.what:
        yield from _row("got", finding.got)
    yield from _row("why", finding.why)
    yield from _row("fix", finding.mend)
    if finding.curl:
        yield _lead("repeat") + finding.curl  # in one piece, to be pasted
    yield from _row("rests on", _ground(check))
    yield from _row("more", f"session-service check explain {check.id}, or {finding.more}")


def _row(label: str, text: str) -> Iterator[str]:
    """A labelled text in as many lines as it takes."""
    if not text:
        return
    lead = _lead(label)
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead), break_on_hyphens=False
    )


def _lead(label: str) -> str:
    return f"{_INDENT}{label:<{_LABEL}}"


def _ground(check: CheckView) -> str:
    if not check.assumptions:
        return check.rests_on
    word = "assumption" if len(check.assumptions) == 1 else "assumptions"
    rows = " and ".join(map(str, check.assumptions))
    return f"{check.rests_on}. The platform's page leaves some of it open: {word} {rows} in docs/assumptions.md"


def _closing(view: View, style: Style) -> Iterator[str]:
    counts = ", ".join(
        f"{number} {_WORDS[Outcome(outcome)][number != 1]}" for outcome, number in view.counts().items() if number
    )
    rest = f"{_number(view.started, 'session')} started, {view.announced} announced, {view.seconds:.1f} s"
    yield f"{style.strong(_verdict(view))} {counts or 'nothing was checked'} ({rest})."
    bad = [check for check in view.checks if check.bad]
    for check in bad:
        yield f"  {style.mark(check.outcome)} {check.id}  {check.title}"
    if any(Severity.MUST.value == check.severity for check in bad):
        yield "MUST: a run of the platform depends on it, or the safety of your project. SHOULD: it warns alone."


def _verdict(view: View) -> str:
    if not view.complete:
        return "Cut short:"
    return "Passed:" if view.passed else "Not passed:"


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
