"""What each report shows of a run, and what none of them does."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from session_service.check.catalogue import CHECKS
from session_service.check.model import Finding, Outcome, Severity
from session_service.check.redaction import Known
from session_service.check.reports import document, github, junit, terminal, view
from session_service.check.reports.view import GROUPS, View
from tests.check.answers import APP_ID, CHANNEL, JOIN_DETAILS, SENTINELS, TOKEN, answered, seen
from tests.check.correct import Correct, checked, serving
from tests.check.test_redaction import FORMS

PLAIN = terminal.Style(colour=False, unicode=True)
FORM = st.sampled_from(sorted(FORMS)).map(FORMS.__getitem__)
PIECE = st.one_of(
    st.builds(lambda form, text: form(text), FORM, st.sampled_from(SENTINELS)),
    st.sampled_from(
        ["\x1b[2J", "\u202e", "]]>", "<script>", "\n::error::x", "##[error]", "%0A", "|", "`", "\x00", "\ud800"]
    ),
    st.text(max_size=20),
)
TEXT = st.lists(PIECE, max_size=6).map("".join)
NAMES = st.one_of(st.sampled_from([*JOIN_DETAILS, "error", "message", "detail"]), TEXT)
VALUES = st.recursive(
    st.one_of(TEXT, st.none(), st.integers()), lambda inner: st.dictionaries(NAMES, inner, max_size=4)
)
BODIES = st.one_of(
    VALUES.map(lambda value: json.dumps(value).encode()),
    TEXT.map(lambda text: text.encode("utf-8", "replace")),
    st.binary(max_size=40),
)


def every_form(shown: View) -> dict[str, str]:
    """The report in each form."""
    return {
        "terminal": terminal.written(shown, PLAIN),
        "json": document.written(shown),
        "junit": junit.written(shown),
        "annotations": "\n".join(github.annotations(shown)),
        "summary": github.summary(shown),
    }


def parsed(xml: str) -> ElementTree.Element:
    """The root of a document."""
    return ElementTree.fromstring(xml)  # noqa: S314 - our own


@given(TEXT, BODIES, TEXT, st.integers(200, 599))
def test_no_report_shows_a_secret_whatever_the_endpoint_answers(
    what: str, body: bytes, header: str, status: int
) -> None:
    """In a finding's own words, the body and a header; in no case and in no form."""
    exchange = answered(body, status, location=header, server=header)
    for name, text in every_form(seen(Finding(what, exchange, why=what, mend=what))).items():
        folded = text.lower()
        for sentinel in SENTINELS:
            assert sentinel.lower() not in folded, name
            assert FORMS["base64"](sentinel)[4:-4].lower() not in folded, name
            assert FORMS["hexadecimal"](sentinel) not in folded, name


@given(TEXT, BODIES)
def test_every_report_keeps_its_form_whatever_the_endpoint_answers(what: str, body: bytes) -> None:
    """JSON by its schema, XML that can be read, lines that a terminal and GitHub take for text."""
    forms = every_form(seen(Finding(what, answered(body, 500))))
    Draft202012Validator(document.schema()).validate(json.loads(forms["json"]))
    assert parsed(forms["junit"]).tag == "testsuites"
    assert all(line.isprintable() for text in forms.values() for line in text.split("\n"))
    assert all(re.match(r"::(error|warning) title=[^:,]+::", line) for line in forms["annotations"].splitlines())


def test_what_came_back_is_shown_as_far_as_it_helps() -> None:
    """App ID, channel and mode; of the rest the kind and the length."""
    exchange = answered(json.dumps({**JOIN_DETAILS, "uid": 7}).encode(), content_type="application/json")
    found = seen(Finding("It is wrong.", exchange)).checks[1].findings[0]
    assert found.got == (
        f'200  content-type: application/json  {{"agora_app_id": "{APP_ID}", "agora_channel": "{CHANNEL}", '
        f'"agora_token": <token of {len(TOKEN)} characters>, "encryption_mode": "aes_256_gcm2", '
        '"encryption_key": <text of 44 characters>, "encryption_salt": <text of 44 characters>, "uid": <number>}'
    )
    assert "X-Cekura-Secret: $SESSION_SECRET" in found.sent


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"error": {"code": "unauthenticated", "message": "No."}}', '"message": "No."'),
        (b"<html>\n  <title>Log in</title>", "<html> <title>Log in</title>"),
        (b"\xff\xfe\x00", "<3 bytes that are no text>"),
        (b"", "<no body>"),
        (b'{"agora_token": "", "agora_channel": null}', '"agora_token": "", "agora_channel": null'),
        (b"x" * 5000, "x" * 200 + "..."),
        (b"[" * 5000, "["),
    ],
)
def test_a_body_is_shown_in_a_few_words(body: bytes, shown: str) -> None:
    """Enough to know one's own error page again."""
    got = seen(Finding("It is wrong.", answered(body, 500))).checks[1].findings[0].got
    assert shown in got
    assert len(got) < 300


def test_a_failure_is_told_in_full() -> None:
    """What was sent, what came back, why it matters, how to mend and to repeat it, and where to read more."""
    text = terminal.written(seen(Finding("It is wrong.", answered(b"{}", 500), why="Because.", mend="Do it.")), PLAIN)
    labels = ["MUST", "sent", "got", "why", "fix", "repeat", "rests on", "more"]
    assert [label for label in labels if not re.search(rf"^      {label} +\S", text, re.MULTILINE)] == []
    assert "docs/checks/" in text
    assert "docs/assumptions.md" in text


def test_each_group_is_a_section_with_its_checks_in_order() -> None:
    """Every check of the catalogue belongs to one."""
    assert {check.id[0] for check in CHECKS} <= set(GROUPS)
    text = terminal.written(seen(Finding("x"), checks=CHECKS), PLAIN)
    headings = [line for line in text.splitlines() if line in GROUPS.values()]
    assert headings == [title for group, title in GROUPS.items() if any(check.id[0] == group for check in CHECKS)]


def test_what_fails_for_one_cause_is_one_finding_and_one_line() -> None:
    """What was skipped for it stands in a list at the end, and the last lines say what it was."""
    with serving(Correct) as url:
        report = checked(url.replace("/session", "/elsewhere"))
    text = terminal.written(view.view(report, Known(report.target)), PLAIN)
    _, unchecked = text.split("\nNot checked\n")
    listed, closing = unchecked.split("\nNot passed: ")
    assert re.findall(r"(\w\d\d) did not pass", text) == ["R01"]
    assert text.count("fix  ") == 1
    assert "H02" in listed
    assert "Nothing is served at the path /elsewhere" in closing


def test_no_line_is_longer_than_a_terminal_but_those_to_be_pasted() -> None:
    """Whatever was found, and before anything is sent."""
    wrong = "It is wrong. " * 30
    text = terminal.written(seen(Finding(wrong, answered(b"{}" * 200, 500), why=wrong, mend=wrong)), PLAIN)
    assert [line for line in text.splitlines() if len(line) > 110 and " curl " not in line] == []


def test_findings_of_one_call_show_it_once() -> None:
    """Each with its own words, then what was sent and came back."""
    exchange = answered(b"{}", 500)
    shown = seen(Finding("One.", exchange)).checks[1]
    text = terminal.findings(replace(shown, findings=shown.findings * 2))
    assert text.count("One.") == 2
    assert text.count(" curl ") == text.count("sent ") == text.count("fix ") == 1


def test_signs_are_those_that_the_encoding_has() -> None:
    """And words where it has none; colour is the caller's choice."""
    assert terminal.style(colour=False, encoding="ascii").mark(Outcome.FAIL) == "FAIL"
    assert terminal.style(colour=False, encoding="utf-8").mark(Outcome.FAIL) == "✖"
    assert terminal.style(colour=True, encoding="utf-8").mark(Outcome.FAIL) == "\x1b[31m✖\x1b[0m"


@pytest.mark.parametrize(("strict", "bad"), [(False, {"fail"}), (True, {"fail", "warn", "inconclusive"})])
def test_strict_decides_what_fails(strict: bool, bad: set[str]) -> None:
    """In every form alike."""
    found = seen(Finding("It is wrong."), strict=strict)
    failed = {check.id for check in found.checks if check.outcome.value in bad}
    assert {check.id for check in found.checks if check.bad} == failed
    root = parsed(junit.written(found))
    assert {case.get("name", "")[:3] for case in root.iter("testcase") if case.find("failure") is not None} == failed
    assert root.get("failures") == str(len(failed))
    errors = [line for line in github.annotations(found) if line.startswith("::error")]
    assert len(errors) == len(failed)


def test_junit_counts_what_it_holds() -> None:
    """A suite a group; what was not made is skipped with its reason, and a warning stands in the output."""
    root = parsed(junit.written(seen(Finding("It is wrong."))))
    for suite in root:
        assert suite.get("tests") == str(len(suite.findall("testcase")))
        assert suite.get("skipped") == str(len(suite.findall("testcase/skipped")))
        assert re.fullmatch(r"\d{4}(-\d\d){2}T\d\d(:\d\d){2}", suite.get("timestamp", ""))
    assert {one.get("message") for one in root.iter("skipped")} == {"It is wrong."}
    assert any("SHOULD: It is wrong." in (out.text or "") for out in root.iter("system-out"))


def test_the_summary_begins_with_what_weighs_most() -> None:
    """Whatever the order in which the checks became certain."""
    told = re.findall(r"\((MUST|SHOULD|INFO)\)", github.summary(seen(Finding("It is so."), checks=CHECKS)))
    assert told == sorted(told, key=("MUST", "SHOULD", "INFO").index)
    assert len(set(told)) > 1


def test_annotations_are_escaped_as_github_asks() -> None:
    """Line ends and signs of its own in title and message."""
    found = seen(Finding("100% wrong", severity=Severity.MUST))
    (first, *_) = github.annotations(found)
    assert "100%25 wrong" in first
    assert "\n" not in first


def test_no_line_of_a_report_is_a_workflow_command() -> None:
    """GitHub obeys none between the two that hold a token which nobody knows before."""
    assert github.quiet("t0ken", "::error::x\n") == "::stop-commands::t0ken\n::error::x\n::t0ken::\n"


def test_the_documents_of_a_real_run_are_by_the_schema() -> None:
    """Of a correct endpoint and of no endpoint at all."""
    with serving(Correct) as url:
        reports = [checked(url), checked("http://127.0.0.1:1/x")]
    for report in reports:
        found = document.document(view.view(report, Known(report.target)))
        Draft202012Validator(document.schema(), validate_formats=True).validate(found)
        assert [one["id"] for one in found["checks"]] == [result.check.id for result in report.results]
        assert found["passed"] == report.passed()
        assert sum(found["counts"].values()) == len(found["plan"])


def test_a_run_that_was_cut_short_does_not_pass() -> None:
    """And says so."""
    found = seen(Finding("x"), results=())
    assert not found.passed
    assert not found.complete
    assert "Cut short: nothing was checked" in terminal.written(found, PLAIN)
