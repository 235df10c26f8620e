"""A run's report for GitHub Actions: annotations as workflow commands, and a summary in Markdown.

Decided here: that what an endpoint answered can start no workflow command and no markup of its own. Escapes are those
of GitHub's page "Workflow commands for GitHub Actions".
"""

import html
import re
from collections.abc import Iterator

from session_service.check.model import Outcome, Severity
from session_service.check.reports.view import CheckView, View

_LEVELS = {Outcome.FAIL: "error", Outcome.WARN: "warning", Outcome.INCONCLUSIVE: "warning"}
_WEIGHTS = [severity.value for severity in Severity]
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~:@])")


def annotations(view: View) -> Iterator[str]:
    """A line for each check that failed, warned, or told nothing."""
    for check in view.checks:
        level = "error" if check.bad else _LEVELS.get(check.outcome)
        if level:
            yield f"::{level} title={_property(f'{check.id} {check.title}')}::{_data(_message(check))}"


def quiet(token: str, text: str) -> str:
    """The text, in which no line is taken for a workflow command. `token` is for this once, and hard to guess."""
    return f"::stop-commands::{token}\n{text}::{token}::\n"


def summary(view: View) -> str:
    """What is wrong and what to do about it, then a table of every check."""
    counts = ", ".join(f"{number} {outcome}" for outcome, number in view.counts().items() if number)
    lines = [
        f"### Session endpoint: {'passed' if view.passed else 'not passed'}",
        "",
        f"{counts}; {view.started} sessions started",
        "",
        *_details(view),
        "",
        "| Check | Outcome | What must hold |",
        "| --- | --- | --- |",
        *(f"| {check.id} | {check.outcome.value} | {_markdown(_held(check))} |" for check in view.checks),
    ]
    return "\n".join(lines) + "\n"


def _held(check: CheckView) -> str:
    """The rule, and why nobody knows whether it is kept."""
    untold = check.outcome in (Outcome.SKIP, Outcome.INCONCLUSIVE)
    return f"{check.title} ({check.reason})" if untold and check.reason else check.title


def _details(view: View) -> Iterator[str]:
    """The findings, the gravest first."""
    found = [(check.id, finding) for check in view.checks for finding in check.findings]
    for name, finding in sorted(found, key=lambda one: _WEIGHTS.index(one[1].severity)):
        yield f"- **{name}** ({finding.severity}) {_markdown(finding.what)}"
        yield f"  - Why it matters: {_markdown(finding.why)}"
        yield f"  - To mend it: {_markdown(finding.mend)}"
        yield f"  - More: `session-service check explain {name}`"


def _message(check: CheckView) -> str:
    return "\n".join([f"{one.what} To mend it: {one.mend}" for one in check.findings] or [check.reason])


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _markdown(text: str) -> str:
    return _MARKUP.sub(r"\\\1", html.escape(text, quote=False))
