"""A run's report as it may be shown: every text cleaned, every number counted.

Decided here: what a reader is told of a run, whatever the form. Everything that came from outside passes `Known.hide`
here and nowhere else. Called by whoever writes reports: the command line and the pytest plugin.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from session_service.check.asking import shell
from session_service.check.asking.messages import Exchange
from session_service.check.asking.wire import DEFAULT_LIMITS
from session_service.check.model import Finding, Outcome, Result
from session_service.check.redaction import Known, visible
from session_service.check.reports import evidence
from session_service.check.runner import Report
from session_service.check.target import Target

GROUPS: Mapping[str, str] = {
    "T": "Transport: can the endpoint be reached",
    "A": "Authentication: who may call",
    "R": "Requests: what a call may look like",
    "S": "Response: what the answer says",
    "K": "Token: the right to join",
    "E": "Encryption: what both sides are given",
    "G": "Isolation: is each session one of its own",
    "L": "Load: many calls at once",
    "H": "Hygiene: what else can be seen",
}
"""What the first letter of an id stands for, in the order of a report."""

_DISTRIBUTION = "cekura-customer-kit"


@dataclass(frozen=True, slots=True)
class FindingView:
    """One thing that is not as it must be. `sent`, `got` and `curl` are empty where no call was made."""

    severity: str
    what: str
    why: str
    mend: str
    sent: str
    got: str
    curl: str
    more: str


@dataclass(frozen=True, slots=True)
class CheckView:
    """What became of one check. `bad` is true where the run does not pass for it."""

    id: str
    title: str
    severity: str
    outcome: Outcome
    bad: bool
    rests_on: str
    assumptions: tuple[int, ...]
    reason: str
    seconds: float
    findings: tuple[FindingView, ...]

    @property
    def group(self) -> str:
        """What its id begins with."""
        return self.id[0]


@dataclass(frozen=True, slots=True)
class View:
    """What came of a run. `complete` is false where it was cut short; `began` is in Unix seconds."""

    tool: str
    target: Mapping[str, object]
    profile: str
    strict: bool
    planned: tuple[str, ...]
    announced: int
    started: int
    passed: bool
    complete: bool
    began: float
    seconds: float
    checks: tuple[CheckView, ...]

    def counts(self) -> dict[str, int]:
        """How many checks had each outcome."""
        return {one.value: sum(check.outcome is one for check in self.checks) for one in Outcome}

    def by_group(self) -> dict[str, list[CheckView]]:
        """The checks of each group that has any, in the order of a report."""
        found = {group: [check for check in self.checks if check.group == group] for group in GROUPS}
        return {group: sorted(checks, key=lambda check: check.id) for group, checks in found.items() if checks}


def view(report: Report, known: Known, *, strict: bool = False) -> View:
    """What may be shown of a report. `known` has to have heard every answer of the run."""
    return View(
        tool=_version(),
        target=_target(report.target, known),
        profile=report.plan.profile,
        strict=strict,
        planned=tuple(check.id for check in report.plan.checks),
        announced=report.plan.sessions,
        started=report.sessions,
        passed=report.passed(strict=strict),
        complete=len(report.results) == len(report.plan.checks),
        began=report.began,
        seconds=report.seconds,
        checks=tuple(
            _check(report, result, known, report.fails_for(result, strict=strict)) for result in report.results
        ),
    )


def page(check: str) -> str:
    """Where the check of this id is described, in this repository."""
    return f"docs/checks/{check}.md"


def _version() -> str:
    try:
        return version(_DISTRIBUTION)
    except PackageNotFoundError:
        return "not installed"


def _target(target: Target, known: Known) -> dict[str, object]:
    return {
        "url": known.without_secrets(str(target.endpoint)),
        "client_id": visible(known.without_secrets(target.client_id)),
        "method": target.method,
        "secret_header": target.header,
        "join_uid": target.join_uid,
        "call_minutes": target.call_minutes,
        "expect_encryption": target.encryption,
        "certificate_known": target.certificate is not None,
    }


def _check(report: Report, result: Result, known: Known, bad: bool) -> CheckView:
    check = result.check
    return CheckView(
        id=check.id,
        title=check.title,
        severity=check.severity.value,
        outcome=result.outcome,
        bad=bad,
        rests_on=check.rests_on,
        assumptions=check.assumptions,
        reason=known.hide(result.reason),
        seconds=result.seconds,
        findings=tuple(_finding(report, result, finding, known) for finding in result.findings),
    )


def _finding(report: Report, result: Result, finding: Finding, known: Known) -> FindingView:
    check, exchange = result.check, finding.exchange
    return FindingView(
        severity=result.severity(finding).value,
        what=known.hide(finding.what),
        why=known.hide(finding.why) if finding.why else check.why,
        mend=known.hide(finding.mend) if finding.mend else check.mend,
        sent=evidence.sent(exchange, known) if exchange else "",
        got=evidence.got(exchange, known) if exchange else "",
        curl=_curl(report, exchange, known) if exchange else "",
        more=page(check.id),
    )


def _curl(report: Report, exchange: Exchange, known: Known) -> str:
    """The line that repeats it. One of a case that forgot how a shell writes its secret shows none all the same."""
    line = shell.curl(report.target.endpoint, exchange.request, DEFAULT_LIMITS.answer)
    rest = re.sub(rf"\$\{{?{report.target.secret_variable}", "", line)
    return line if known.without_secrets(rest) == rest else known.without_secrets(line)
