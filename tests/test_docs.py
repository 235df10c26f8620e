"""The documents name what the code has, and nothing else."""

import ast
import json
import re
import shlex
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from session_service.app import RULES
from session_service.errors import CallerGone
from session_service.sessions.model import Reason
from session_service.settings import NAMES, VARIABLES, Layer, Sources, load
from tests.contract import given
from tests.contract.clauses import all_refusals
from tests.contract.in_process import InProcess
from tests.settings.given import OTHER, SECRET

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md")) + sorted((ROOT / "deploy").glob("*.md"))
HANDED_TO_AGENTS = {"SESSION_ID", "AGORA_CHANNEL", "AGORA_UID"}


def text(name: str) -> str:
    """One document."""
    return (ROOT / name).read_text(encoding="utf-8")


def rows(name: str, heading: str) -> Iterator[list[str]]:
    """The cells of every table of a document whose head begins so."""
    for table in re.split(rf"^\| {heading} .*\n\|[-| ]+\|\n", text(name), flags=re.MULTILINE)[1:]:
        for line in table.partition("\n\n")[0].splitlines():
            yield [cell.strip() for cell in line.strip("|").split("|")]


def code(cell: str) -> str:
    """What a cell marks as code, and nothing beside it."""
    found = re.fullmatch(r"`([^`]+)`", cell)
    return found[1] if found else ""


def events() -> dict[str, set[str]]:
    """Every log event of the code with its fields."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in (ROOT / "session_service").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            fields = _fields(node)
            if fields.get("event"):
                found[fields.pop("event")] |= set(fields)
    return found


def _fields(node: ast.AST) -> dict[str, str]:
    """Names and constant values of a dict display, or of a call's keywords."""
    if isinstance(node, ast.Dict):
        pairs = [(key.value, value) for key, value in zip(node.keys, node.values, strict=True) if _is_text(key)]  # type: ignore[union-attr]  # checked by _is_text
    elif isinstance(node, ast.Call):
        pairs = [(keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg]
    else:
        return {}
    return {str(name): str(getattr(value, "value", "")) if _is_text(value) else "" for name, value in pairs}


def _is_text(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_every_setting_has_its_row() -> None:
    """Name, default and whether a client may have its own, as the code says."""
    told = {
        code(name): (code(default), per_client) for name, _, default, per_client in rows("docs/settings.md", "Variable")
    }
    assert told == {one.name: (one.default or "", "yes" if one.per_client else "no") for one in VARIABLES}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_setting_that_a_document_names_exists(path: Path) -> None:
    """A typing error here sends somebody looking for a variable that nobody reads."""
    named = set(re.findall(r"\b(?:SESSION|AGORA|CEKURA|LIVEKIT)_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))
    assert {name.removesuffix("_FILE") for name in named} - NAMES - HANDED_TO_AGENTS == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(path: Path) -> None:
    """To a file of this repository; whole addresses are not followed."""
    links = re.findall(r"\]\((?!https?:|mailto:)([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_example_of_a_toml_file_is_taken_without_a_warning(tmp_path: Path) -> None:
    """As it stands, once the files are there that it names."""
    for name, content in {"acme": SECRET, "globex": f"blue={SECRET} green={OTHER}"}.items():
        (tmp_path / name).write_text(content)
        (tmp_path / f"{name}_certificate").write_text(given.CERTIFICATE)
    (toml,) = re.findall(r"```toml\n(.*?)```", text("docs/settings.md"), re.DOTALL)
    assert set(tomllib.loads(toml)["clients"]) == {"acme", "globex"}
    (tmp_path / "clients.toml").write_text(toml.replace("/run/secrets", str(tmp_path)))
    found = load(Sources(Layer("environment", {"SESSION_CONFIG": str(tmp_path / "clients.toml")})), RULES)
    assert found.warnings == ()
    assert {client.client_id for client in found.settings.clients} == {"acme-voice", "globex"}


def test_every_open_question_has_its_assumption_or_the_reason_why_not() -> None:
    """28 of them, each once."""
    table = [int(row[0]) for row in rows("docs/assumptions.md", "#")]
    rest = [int(number) for number in re.findall(r"\b(\d\d)\s\(", text("docs/assumptions.md").rpartition("|")[2])]
    assert sorted(table + rest) == list(range(1, 29))
    assert len(text("docs/assumptions.md").splitlines()) < 60


def test_every_code_has_something_to_do_about_it() -> None:
    """Those that a caller can be answered, and the one that only the log has."""
    assert {code(row[0]) for row in rows("docs/operations.md", "Code")} == {*all_refusals(), CallerGone.code}


def test_every_log_event_is_told_with_its_fields() -> None:
    """Whoever searches a log by a field finds it here."""
    told = {code(row[0]): set(re.findall(r"`(\w+)`", row[1])) for row in rows("docs/operations.md", "Event")}
    assert told == events()


def test_why_a_start_failed_is_told_in_the_words_of_the_code() -> None:
    """Each row's words stand in a launcher or in the lifecycle."""
    source = "".join(
        path.read_text("utf-8")
        for room in ("agents", "sessions")
        for path in (ROOT / "session_service" / room).glob("*.py")
    )
    told = [part.strip() for row in rows("docs/operations.md", "`why` of") for part in row[0].split("...")]
    assert len(told) > 5
    assert [part for part in told if part not in source] == []


def test_every_reason_of_an_end_is_told_and_whether_it_is_in_use() -> None:
    """In use is what the lifecycle ends sessions with."""
    source = "".join(path.read_text("utf-8") for path in (ROOT / "session_service" / "sessions").glob("*.py"))
    told = {code(row[0]): row[1] == "yes" for row in rows("docs/architecture.md", "Reason")}
    assert told == {reason.value: f"Reason.{reason.name}" in source for reason in Reason}


def test_the_rooms_are_told_in_the_order_that_the_tool_holds() -> None:
    """Highest first; rooms of one height stand side by side there."""
    contract = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"][0]
    held = [room for layer in contract["layers"] for room in layer.split(" | ")]
    assert ["__main__", *(code(row[0]) for row in rows("docs/architecture.md", "Room"))] == held


def test_the_probes_are_told_where_an_operator_looks() -> None:
    """By the paths that the application has."""
    source = text("session_service/http/probes.py")
    for path in re.findall(r'Route\("(/\w+)"', source):
        assert f"`GET {path}`" in text("docs/operations.md")


def test_the_readme_is_short_and_begins_with_what_a_person_does() -> None:
    """Sentence, two commands, one call with its answer: the first screen."""
    lines = text("README.md").splitlines()
    assert len(lines) < 120
    first = "\n".join(lines[:32])
    assert [word in first for word in ("make dev", "make test", "curl ", "agora_token")] == [True] * 4


def test_the_readmes_call_gets_the_readmes_answer() -> None:
    """The line is taken apart as a shell would, and sent to the application."""
    line = next(block for block in re.findall(r"```sh\n(.*?)```", text("README.md"), re.DOTALL) if "curl" in block)
    words = shlex.split(line.replace("$SESSION_SECRET", given.SECRET))
    headers = [words[place + 1].split(": ") for place, word in enumerate(words) if word == "-H"]
    path = words[2].removeprefix("http://127.0.0.1:8080")
    service = InProcess(given.service({}))
    answer = service.call(
        "POST",
        path,
        headers=[(name.lower().encode(), value.encode()) for name, value in headers],
        body=words[words.index("-d") + 1].encode(),
    )
    service.close()
    (shown,) = re.findall(r"```json\n(.*?)```", text("README.md"), re.DOTALL)
    assert answer.status == 200
    assert {name: type(value) for name, value in answer.json().items()} == dict.fromkeys(json.loads(shown), str)
