"""Runs and answers made by hand, for the tests of what reports show."""

import json
from dataclasses import replace
from typing import Any

from session_service.check.asking import calls
from session_service.check.asking.messages import Answer, Exchange
from session_service.check.catalogue import CHECKS
from session_service.check.model import Check, Finding, Outcome, Result
from session_service.check.plan import Plan
from session_service.check.redaction import Known
from session_service.check.reports import view
from session_service.check.reports.view import View
from session_service.check.runner import Report
from session_service.check.target import Target, endpoint

SECRET = "sentinel-Secret/Zq7+x9 &\"'<>%Kd2mW"
CERTIFICATE = "c0ffee5e471f1ca7e0d1e2f3a4b5c6d7"
TOKEN = "007eJxTYSentinelTokenPbXk9QpL2mZr8vTnYw4uIoAsDfGhJ+/Kq=="
KEY = "Sentinel+Key/9fR3vB7nM1qW5eT8yU2iO4pA6sD0gH="
SALT = "U2VudGluZWwgc2FsdCBvZiAzMiBieXRlcyBsb25nISE="
SENTINELS = (SECRET, CERTIFICATE, TOKEN, KEY, SALT)
APP_ID = "0123456789abcdef0123456789abcdef"
CHANNEL = "cekura-00112233445566778899aabbccddeeff"
TARGET = Target(endpoint("http://127.0.0.1:8080/sessions"), "acme", SECRET.encode(), certificate=CERTIFICATE)
JOIN_DETAILS = {
    "agora_app_id": APP_ID,
    "agora_channel": CHANNEL,
    "agora_token": TOKEN,
    "encryption_mode": "aes_256_gcm2",
    "encryption_key": KEY,
    "encryption_salt": SALT,
}


def answered(body: bytes, status: int = 200, **headers: str) -> Exchange:
    """The platform's call, and this answer to it."""
    found = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Exchange(calls.platform(TARGET, calls.right(TARGET)), Answer(status, found, body, 0.1))


def known(*exchanges: Exchange) -> Known:
    """All that must not show once join details were handed out, and these answers came."""
    found = Known(TARGET)
    for exchange in (answered(json.dumps(JOIN_DETAILS).encode()), *exchanges):
        found.learn(exchange)
    return found


FEW = CHECKS[: len(Outcome)]
"""Checks enough for every outcome."""


def results(finding: Finding, checks: tuple[Check, ...]) -> tuple[Result, ...]:
    """These checks, each with another outcome than the one before, and all with this finding."""
    outcomes = list(Outcome)
    found = []
    for number, check in enumerate(checks):
        outcome = outcomes[number % len(outcomes)]
        findings = (finding,) if outcome in (Outcome.FAIL, Outcome.WARN, Outcome.INFO) else ()
        found.append(Result(check, outcome, findings, finding.what, 0.25))
    return tuple(found)


def seen(finding: Finding, *, checks: tuple[Check, ...] = FEW, strict: bool = False, **differently: Any) -> View:
    """What may be shown of a run in which `finding` was found again and again."""
    report = Report(TARGET, Plan("full", checks), results(finding, checks), 7, 1_790_000_000.0, 2.5)
    exchanges = (finding.exchange,) if finding.exchange else ()
    return view.view(replace(report, **differently), known(*exchanges), strict=strict)
