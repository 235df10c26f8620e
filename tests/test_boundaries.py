"""What is imported when, and which modules may touch the world."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.settings.given import RIGHT

PACKAGE = Path(__file__).parent.parent / "session_service"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAIN = "from session_service.__main__ import main; main()"
SETTINGS = {**RIGHT, "SESSION_STORE": "memory"}
SERVING = f"""
from session_service.app import RULES, World, build
from session_service.settings import Layer, Sources, load
settings = load(Sources(Layer("test", {SETTINGS!r})), RULES).settings
service = build(settings, World(lambda: 1700000000, lambda: 0.0, bytes, {{}}))
from session_service.http import server
server.build(service, settings.times, 1.0).config.load()
"""


def modules_after(code: str) -> set[str]:
    """The modules of a fresh interpreter that has run `code`."""
    code += "\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    return set(json.loads(done.stdout))


def using(*names: str) -> Iterator[str]:
    """The rooms of ours in which one of these names is called, read or imported."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if _mentions(node, names):
                yield path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _mentions(node: ast.AST, names: tuple[str, ...]) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name.partition(".")[0] in names for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").partition(".")[0] in names or any(alias.name in names for alias in node.names)
    return (isinstance(node, ast.Name) and node.id in names) or (isinstance(node, ast.Attribute) and node.attr in names)


@pytest.mark.real
def test_importing_the_package_imports_nothing_else() -> None:
    """Neither another module of ours nor the web framework."""
    found = modules_after("import session_service")
    assert {name for name in found if name.startswith("session_service")} == {"session_service"}
    assert not found & {"starlette", "uvicorn", "click", "orjson", "cryptography"}


@pytest.mark.real
def test_serving_never_imports_livekit() -> None:
    """Nor what the configured launcher does not need; everything up to the socket is built here."""
    found = modules_after(SERVING)
    assert {"session_service.http.server", "starlette", "uvicorn"} <= found
    assert not [name for name in found if name.partition(".")[0] == "livekit"]
    assert not found & {"session_service.agents.process", "session_service.agents.python", "session_service.cli"}


@pytest.mark.real
def test_a_secret_is_made_without_the_server() -> None:
    """A command imports what it needs, when it needs it."""
    found = modules_after("from session_service.cli import commands\ncommands.get_command(None, 'secret')")
    assert not found & {"starlette", "uvicorn", "session_service.app", "session_service.settings"}


@pytest.mark.real
def test_without_its_extra_the_command_says_how_to_get_it() -> None:
    """Here no package at all is installed; exit code 2."""
    line = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({str(PACKAGE.parent)!r})\n{MAIN}"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "[service]" in done.stderr
    assert done.stderr.count("\n") == 1


def test_livekit_is_named_by_no_import() -> None:
    """The core knows Agora alone."""
    assert set(using("livekit")) == set()


def test_the_environment_is_read_by_the_command_line_and_the_plugin_alone() -> None:
    """Which start everything; everybody else is handed what they need."""
    assert set(using("environ", "getenv", "environb")) == {"cli", "pytest_plugin"}


def test_only_the_command_line_prints() -> None:
    """The rest logs; the demo agent writes its one line to its own standard output."""
    assert set(using("print")) <= {"cli"}


def test_guessable_randomness_spreads_retries_and_nothing_else() -> None:
    """`random` stands in the composition root only; tokens and channels come from the system's own."""
    assert set(using("random")) == {"app"}


def test_the_clock_and_the_systems_randomness_are_handed_in() -> None:
    """Read where a process begins, in `cli` and in the plugin, and by agents, which are processes of their own."""
    assert set(using("urandom", "uuid4", "token_bytes", "token_hex", "token_urlsafe")) <= {"cli", "pytest_plugin"}
