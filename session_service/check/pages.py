"""The page of each check, made from what the check says of itself.

Decided here: what a page tells. `python -m session_service.check.pages docs/checks` writes them all (`make docs`), a
test holds them to the catalogue, and `session-service check explain ID` prints the same.
"""

import sys
import textwrap
from pathlib import Path

from session_service.check.catalogue import CHECKS
from session_service.check.model import Check, Severity

INDEX = "README.md"
"""The page that lists the others."""

_WEIGHTS = {
    Severity.MUST: "fails the run",
    Severity.SHOULD: "is a warning; with --strict it fails the run",
    Severity.INFO: "is a note, and fails nothing",
}
_AGORAS = ("S", "K", "E", "G")
_WORDS = (
    "[Words](../check.md#words) (`check explain words`) tells what App ID, channel, uid, token, key and salt are, and "
    "how a token is made."
)
_TOGETHER = {"A09": "A", "E02": "E02,G01", "G02": "G02 --follow", "T05": "T05,G01"}
"""What `--only` takes for checks that look at the calls of others, or need more than the endpoint."""
_GENERATED = "<!-- Written by `make docs` from session_service/check/cases. -->"


def page(check: Check) -> str:
    """The page of one check, in Markdown that reads well as plain text."""
    sections = {
        "Why it matters": [_filled(check.why)],
        "How to mend it": [_filled(check.mend), *_words(check)],
        "How to see that it is mended": [f"    session-service check URL --client-id ID --only {_again(check)}"],
        "What is sent": [_filled(check.sends), "", *_made(check)],
        "What it rests on": [_filled(f"{check.rests_on}."), *_assumed(check)],
    }
    lines = [f"# {check.id}: {check.title}", "", f"Severity: {check.severity.value}. {_weight(check)}", ""]
    for heading, text in sections.items():
        lines += [f"## {heading}", "", *text, ""]
    return "\n".join(lines)


def index() -> str:
    """The list of every check."""
    rows = [
        f"| [{check.id}]({check.id}.md) | {check.title} | {check.severity.value} | {check.sessions} | {check.profile} |"
        for check in CHECKS
    ]
    head = ["# Checks", "", "In the order in which they are made; [check.md](../check.md) tells how to use them.", ""]
    table = ["| Id | What must hold | Severity | Sessions | From profile |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *table, *rows, ""])


def all_pages() -> dict[str, str]:
    """The content of each file in docs/checks."""
    pages = {f"{check.id}.md": page(check) for check in CHECKS}
    return {name: f"{_GENERATED}\n\n{text}" for name, text in {**pages, INDEX: index()}.items()}


def write(folder: Path) -> None:
    """Write every page into the folder, and take away what is no check's page."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = all_pages()
    for path in folder.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")


def _assumed(check: Check) -> list[str]:
    if not check.assumptions:
        return []
    word = "row" if len(check.assumptions) == 1 else "rows"
    rows = ", ".join(map(str, check.assumptions))
    told = f"The platform's own page does not say all of it: see {word} {rows} of [assumptions](../assumptions.md)."
    return ["", _filled(told)]


def _weight(check: Check) -> str:
    return f"What it finds {_WEIGHTS[check.severity]}."


def _again(check: Check) -> str:
    return _TOGETHER.get(check.id, check.id)


def _words(check: Check) -> list[str]:
    """Where Agora's words are explained, on the pages that use them."""
    return ["", _filled(_WORDS)] if check.id[0] in _AGORAS else []


def _filled(text: str) -> str:
    return textwrap.fill(text, 120, break_on_hyphens=False, break_long_words=False)


def _made(check: Check) -> list[str]:
    sessions = f"{check.sessions} session{'' if check.sessions == 1 else 's'}"
    lines = [
        f"- Sessions that a correct endpoint starts for it: {sessions if check.sessions else 'none'}",
        f"- Smallest profile that has it: {check.profile}",
    ]
    if check.after:
        lines.append(f"- Comes after {', '.join(check.after)}: if that fails, this is skipped")
    lines += [f"- Skipped where {need.value}" for need in check.needs]
    return lines


if __name__ == "__main__":
    write(Path(sys.argv[1]))
