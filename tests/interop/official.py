"""Agora's own builders in other languages, each as one process that answers questions, a JSON line each.

Their packages are installed into .cache/interop once for each lock file. Without the language, or without a registry to
install from, the tests skip and say what is missing; conftest.py makes a failure of that in CI.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.agora.tools import tool
from tests.taking_turns import in_turn

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".cache" / "interop"
NODE = "apt-get install nodejs npm, or brew install node"

Question = dict[str, Any]
Ask = Callable[[Question], Question]


def installed(lock: Path, copied: tuple[Path, ...], command: list[str]) -> Path:
    """Return the folder in which `command` has installed what `lock` names; run it there unless it has been."""
    folder = CACHE / f"{lock.stem}-{sha256(lock.read_bytes()).hexdigest()[:16]}"
    with in_turn(CACHE):
        if not folder.exists():
            _install((lock, *copied), command, folder)
    return folder


def _install(files: Iterable[Path], command: list[str], folder: Path) -> None:
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    for file in files:
        shutil.copy(file, unfinished)
    _run(command, unfinished)
    unfinished.rename(folder)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        pytest.skip(f"needs a package registry; {Path(command[0]).name} said: {(done.stderr or done.stdout)[-500:]}")


@contextmanager
def asking(command: list[str], environment: dict[str, str]) -> Iterator[Ask]:
    """Start `command`, and give the function that puts one question to it; at the end, end it."""
    with subprocess.Popen(command, env=environment, stdin=-1, stdout=-1, text=True, encoding="utf-8") as process:
        yield lambda question: _answer(process, question)


def _answer(process: "subprocess.Popen[str]", question: Question) -> Question:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(question) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    assert line, "the official builder ended instead of answering; its error is above"
    answer: Question = json.loads(line)
    return answer


def node_packages() -> Path:
    """The folder of npm agora-token (007) and agora-access-token (006)."""
    npm = tool("npm", NODE)
    copied = (HERE / "package.json", HERE / ".npmrc")
    return installed(HERE / "package-lock.json", copied, [npm, "ci", "--ignore-scripts"])


@contextmanager
def node() -> Iterator[Ask]:
    """Agora's builders for Node."""
    command = [tool("node", NODE), str(HERE / "tokens.cjs")]
    with asking(command, {"NODE_PATH": str(node_packages() / "node_modules")}) as ask:
        yield ask


def java_packages() -> Path:
    """The folder of Maven's io.agora:authentication (both versions)."""
    maven = tool("mvn", "apt-get install maven, or brew install maven")
    copy = [maven, "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=."]
    return installed(HERE / "pom.xml", (), copy)


@contextmanager
def java() -> Iterator[Ask]:
    """Agora's builders for Java."""
    program = tool("java", "apt-get install default-jdk-headless, or brew install openjdk")
    command = [program, "-Dfile.encoding=UTF-8", "-cp", str(java_packages() / "*"), str(HERE / "Tokens.java")]
    with asking(command, {}) as ask:
        yield ask
