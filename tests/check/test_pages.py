"""The pages tell what the code does."""

import re
from pathlib import Path

import click
import pytest

from session_service.check import glossary, pages
from session_service.check.catalogue import CHECKS
from session_service.check.model import Check, Outcome
from session_service.check.plan import PROFILES
from session_service.check.reports import document
from session_service.cli import check

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGE = (DOCS / "check.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table whose heading begins so, without the marks of code."""
    table = PAGE[PAGE.index(f"| {heading} |") :].split("\n\n", 1)[0]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def first(heading: str) -> list[str]:
    """The first column of that table."""
    return [row[0] for row in rows(heading)]


def test_every_check_has_its_page_and_no_page_is_left_over() -> None:
    """Missing, stale or surplus: `make docs` writes them anew."""
    assert {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "checks").iterdir()} == pages.all_pages()


def test_writing_takes_away_what_is_no_checks_page(tmp_path: Path) -> None:
    """And keeps what is no page at all."""
    for name in ("X99.md", "notes.txt"):
        (tmp_path / name).write_text("old")
    pages.write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*pages.all_pages(), "notes.txt"}


@pytest.mark.parametrize("one", CHECKS, ids=lambda one: one.id)
def test_a_page_tells_all_that_a_check_says_of_itself(one: Check) -> None:
    """Title, what is sent, severity, ground, reason, cure, and what it comes after."""
    text = " ".join(pages.page(one).split())
    told = [
        one.title,
        one.sends,
        one.severity.value,
        one.rests_on,
        one.why,
        one.mend,
        *one.after,
        *map(str, one.assumptions),
    ]
    assert [part for part in told if " ".join(part.split()) not in text] == []


def test_every_link_of_a_page_leads_somewhere() -> None:
    """Also those of the index, and those to a heading."""
    links = {link for text in pages.all_pages().values() for link in re.findall(r"\]\(([^)]+)\)", text)}
    files = {link.partition("#")[0] for link in links}
    assert [name for name in files if not (DOCS / "checks" / name).exists()] == []
    assert {link.partition("#")[2] for link in links} == {"", "words"}
    assert "\n## Words\n" in PAGE


def test_each_assumption_that_a_check_names_is_a_row() -> None:
    """Of docs/assumptions.md."""
    table = set(map(int, re.findall(r"^\| (\d+) ", (DOCS / "assumptions.md").read_text(), re.MULTILINE)))
    assert {number for one in CHECKS for number in one.assumptions} <= table


def test_the_profiles_are_the_codes() -> None:
    """Each tells what it has beyond the smaller one."""
    told: set[str] = set()
    for name, _, ids in rows("Profile"):
        told |= set(re.findall(r"`?([A-Z]\d\d)`?", ids))
        assert told == set(PROFILES[name])


def test_the_options_are_the_commands() -> None:
    """In order, but for help."""
    options = [one.opts[0] for one in check.command.params if isinstance(one, click.Option)]
    assert first("Option") == options


def test_the_words_are_the_commands() -> None:
    """Each with its meaning, and the lines that make a token."""
    assert rows("Word") == [list(pair) for pair in glossary.WORDS.items()]
    assert [line for line in glossary.BUILDERS.values() if line not in PAGE] == []


def test_the_outcomes_are_the_codes() -> None:
    """In order."""
    assert first("Outcome") == [one.value for one in Outcome]


def test_the_keys_are_the_schemas() -> None:
    """Of the report and of a check; the schema asks for each of them."""
    schema = document.schema()
    assert first("Key") == schema["required"]
    assert first("Key of a check") == schema["$defs"]["check"]["required"]
    finding = re.findall(r"`(\w+)`", rows("Key of a check")[-1][1])
    assert finding == schema["$defs"]["finding"]["required"]
