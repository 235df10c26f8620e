"""A run's report as one JSON document.

Decided here: the names of its keys, which schema.json describes and docs/check.md tells. Changes only add keys; any
other change has another `version`.
"""

import json
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from session_service.check.reports.view import CheckView, FindingView, View

VERSION = 1
"""The version of the format."""


def written(view: View) -> str:
    """The document as text, in ASCII alone."""
    return json.dumps(document(view), indent=2) + "\n"


def document(view: View) -> dict[str, Any]:
    """The document."""
    return {
        "version": VERSION,
        "tool": {"name": "session-service check", "version": view.tool},
        "target": dict(view.target),
        "profile": view.profile,
        "strict": view.strict,
        "plan": list(view.planned),
        "sessions": {"announced": view.announced, "started": view.started},
        "counts": view.counts(),
        "passed": view.passed,
        "complete": view.complete,
        "began": datetime.fromtimestamp(view.began, UTC).isoformat(timespec="seconds"),
        "seconds": round(view.seconds, 3),
        "checks": [_check(check) for check in view.checks],
    }


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    text = files("session_service.check.reports").joinpath("schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _check(check: CheckView) -> dict[str, Any]:
    return {
        "id": check.id,
        "title": check.title,
        "severity": check.severity,
        "outcome": check.outcome.value,
        "rests_on": check.rests_on,
        "assumptions": list(check.assumptions),
        "reason": check.reason,
        "seconds": round(check.seconds, 3),
        "findings": [_finding(finding) for finding in check.findings],
    }


def _finding(finding: FindingView) -> dict[str, Any]:
    return {
        "severity": finding.severity,
        "what": finding.what,
        "why": finding.why,
        "mend": finding.mend,
        "sent": finding.sent or None,
        "got": finding.got or None,
        "curl": finding.curl or None,
        "more": finding.more,
    }
