"""requirements/ against pyproject.toml: what is installed is what was declared, and every byte of it is known."""

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
FILES = sorted(path.name for path in (ROOT / "requirements").iterdir())
# An address, or an option that would carry one.
ADDRESS = re.compile(r"://|--(?:index-url|extra-index-url|find-links|trusted-host)")


class Pin(NamedTuple):
    """One locked package: its requirement, and how many hashes allow it."""

    requirement: Requirement
    hashes: int

    @property
    def version(self) -> str:
        (clause,) = self.requirement.specifier
        assert clause.operator == "==", self.requirement
        return clause.version


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(name: str) -> list[Pin]:
    text = (ROOT / "requirements" / name).read_text()
    lines = re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return [Pin(Requirement(line.split(" --hash")[0]), line.count("--hash=sha256:")) for line in lines]


def declared(name: str) -> list[Requirement]:
    """What pyproject.toml asks for directly, for the file `name`."""
    project = pyproject()
    service = project["project"]["optional-dependencies"]["service"]
    groups = project["dependency-groups"]
    texts = {
        "service.txt": service,
        "test.txt": [*service, *groups["test"], *groups["lint"], *groups["bench"]],
        "bench.txt": [*service, *groups["bench"]],
        "livekit.txt": groups["livekit"],
        "livekit-floor.txt": groups["livekit-floor"],
        "build.txt": [*groups["build"], *project["build-system"]["requires"]],
    }[name]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("name", FILES)
def test_no_requirements_file_names_an_address(name: str) -> None:
    """Where packages come from is the installing machine's business."""
    assert not ADDRESS.search((ROOT / "requirements" / name).read_text())


@pytest.mark.parametrize("name", FILES)
def test_every_package_is_pinned_with_a_hash(name: str) -> None:
    """`pip install --require-hashes` accepts nothing less."""
    assert all(pin.version and pin.hashes for pin in pins(name))


@pytest.mark.parametrize("name", FILES)
def test_every_direct_dependency_is_pinned_within_its_range(name: str) -> None:
    """A range changed in pyproject.toml without `make lock` is found here."""
    locked = {canonicalize_name(pin.requirement.name): pin.version for pin in pins(name)}
    asked = {canonicalize_name(wanted.name): wanted.specifier for wanted in declared(name)}
    wrong = [package for package, versions in asked.items() if locked.get(package, "") not in versions]
    assert not wrong, f"run make lock: {wrong}"


def test_a_package_has_one_version_in_all_files() -> None:
    """The sets are installed on top of each other, so they may not disagree; LiveKit's stand alone."""
    found: dict[str, set[str]] = {}
    together = [name for name in FILES if not name.startswith("livekit")]
    for pin in (pin for name in together for pin in pins(name)):
        found.setdefault(pin.requirement.name, set()).add(pin.version)
    assert not {name: versions for name, versions in found.items() if len(versions) > 1}
