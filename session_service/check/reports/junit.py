"""A run's report as JUnit XML, which CI systems show as tests.

Decided here: a group is a suite and a check a test case. What fails the run is a failure, what was skipped or told
nothing is skipped with its reason, and any other finding stands in the case's output.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from session_service.check.model import Outcome
from session_service.check.reports.view import GROUPS, CheckView, FindingView, View

_NOT_MADE = (Outcome.SKIP, Outcome.INCONCLUSIVE)


def written(view: View) -> str:
    """The document as text, in ASCII alone."""
    root = Element("testsuites", {"name": "session-service check", **_totals(view.checks)})
    root.set("time", f"{view.seconds:.3f}")
    for number, (group, checks) in enumerate(view.by_group().items()):
        _suite(SubElement(root, "testsuite", id=str(number)), view, group, checks)
    indent(root)
    text: bytes = tostring(root, encoding="us-ascii", xml_declaration=True)
    return text.decode("ascii") + "\n"


def _suite(suite: Element, view: View, group: str, checks: Sequence[CheckView]) -> None:
    attributes = {
        "name": f"{group} {GROUPS[group]}",
        "timestamp": datetime.fromtimestamp(view.began, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "time": f"{sum(check.seconds for check in checks):.3f}",
        "skipped": str(sum(_is_skipped(check) for check in checks)),
        **_totals(checks),
    }
    for name, value in attributes.items():
        suite.set(name, value)
    for check in checks:
        _case(suite, check)


def _totals(checks: Iterable[CheckView]) -> dict[str, str]:
    found = list(checks)
    return {"tests": str(len(found)), "failures": str(sum(check.bad for check in found)), "errors": "0"}


def _is_skipped(check: CheckView) -> bool:
    return check.outcome in _NOT_MADE and not check.bad


def _case(suite: Element, check: CheckView) -> None:
    case = SubElement(suite, "testcase", classname=f"check.{check.group}", name=f"{check.id} {check.title}")
    case.set("time", f"{check.seconds:.3f}")
    text = "\n\n".join(_told(finding, check.id) for finding in check.findings)
    if check.bad:
        message = check.findings[0].what if check.findings else check.reason
        SubElement(case, "failure", type=check.outcome.value, message=message).text = text
    elif _is_skipped(check):
        SubElement(case, "skipped", message=check.reason)
    elif text:
        SubElement(case, "system-out").text = text


def _told(finding: FindingView, check: str) -> str:
    rows = (
        (finding.severity, finding.what),
        ("why", finding.why),
        ("fix", finding.mend),
        ("sent", finding.sent),
        ("got", finding.got),
        ("repeat", finding.curl),
        ("more", f"session-service check explain {check}"),
    )
    return "\n".join(f"{name}: {value}" for name, value in rows if value)
