"""docs/tokens.md says what the code does."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from session_service.agora import token_report
from session_service.agora.client_errors import JOIN_ERRORS, RENEWALS
from session_service.agora.token_report import Expected
from session_service.cli import token_decode, token_mint
from tests.agora.vectors import V007

PAGE = (Path(__file__).parent.parent / "docs" / "tokens.md").read_text()


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the table whose heading begins so, without the marks of code."""
    table = PAGE[PAGE.index(heading) :].split("\n\n", 1)[0]
    for line in table.splitlines()[2:]:
        yield [cell.strip().strip("`") for cell in line.strip("|").split("|")]


def options(parameters: list[click.Parameter]) -> list[str]:
    """The names of a command's options, in order."""
    return [parameter.opts[0] for parameter in parameters if isinstance(parameter, click.Option)]


def test_the_table_of_join_errors_is_the_codes() -> None:
    """Number, both names, and both sentences of each."""
    told = [
        [str(error.number), error.native or "-", error.web or "-", error.meaning, error.usually]
        for error in JOIN_ERRORS.values()
    ]
    assert list(rows("| Number | Native")) == told


def test_the_table_of_renewals_is_the_codes() -> None:
    """In order."""
    assert list(rows("| Number | Meaning")) == [[str(number), meaning] for number, meaning in RENEWALS.items()]


def test_the_table_of_keys_is_the_documents() -> None:
    """Each key, in order, and no other."""
    document = token_report.report(V007[0]["token"], None, Expected()).document()
    assert [key for key, _ in rows("| Key |")] == list(document)


def test_the_table_of_expectations_is_the_commands() -> None:
    """Each option that begins with --expect."""
    expectations = [option for option in options(token_decode.command.params) if option.startswith("--expect")]
    assert [cell.split()[0] for cell, _ in rows("| Option |")] == expectations


@pytest.mark.parametrize("word", ["--json", "--account", "--role", "--lifetime", "--version", "--any-uid"])
def test_each_option_that_the_page_names_exists(word: str) -> None:
    """In one of the two commands."""
    assert word in PAGE
    assert word in options([*token_decode.command.params, *token_mint.command.params])


def test_every_option_of_mint_is_on_the_page() -> None:
    """With its double hyphen."""
    assert [option for option in options(token_mint.command.params) if not re.search(f"{option}\\b", PAGE)] == []
