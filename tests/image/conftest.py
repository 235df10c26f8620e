"""The image, once for all tests, and the service that runs from it with the environment of deploy/compose.yaml."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.image import building
from tests.image.building import Image, output
from tests.image.running import Service, Wrap, chrooted, sandboxed, serving

TOOLS = ("bwrap", "buildah", "mmdebstrap", "podman")
GIVEN = {
    "AGORA_APP_ID": "0123456789abcdef0123456789abcdef",
    "AGORA_APP_CERTIFICATE": "5e27191c5e27191c5e27191c5e27191c",
    "SESSION_CLIENT_ID": "acme-voice",
    "SESSION_SECRET": "Planted-5e27191c-where-no-layer-may-have-it",
}
"""What a person sets for `docker compose up`, and what lies about in the clone while the image is built."""


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image of this work tree. Needs root and four programs, all Debian packages."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(
            "building the image without an engine needs root on Linux, and: "
            "apt-get install bubblewrap buildah fuse-overlayfs mmdebstrap podman"
        )
    lines = "".join(f"{name}={value}\n" for name, value in GIVEN.items())
    planted = [".env", ".session-dev.env", "deploy/session-service.env", "session_service/.env", "notes.txt"]
    return building.build(tmp_path_factory.mktemp("image"), dict.fromkeys(planted, lines))


@pytest.fixture(scope="session")
def container(image: Image) -> Iterator[str]:
    """A container of the image that nothing runs in yet."""
    name = output("buildah", "from", image.name)
    yield name
    output("buildah", "rm", name)


@pytest.fixture(scope="session")
def root(container: str) -> Iterator[Path]:
    """The image's file system, as a folder of this machine."""
    yield Path(output("buildah", "mount", container))
    output("buildah", "umount", container)


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """The environment that compose gives the container, with nothing set but the needed four."""
    compose = YAML(typ="safe").load(building.ROOT / "deploy" / "compose.yaml")
    reference = re.compile(r"\$\{(\w+):[?-]([^}]*)\}")
    texts = compose["services"]["session-service"]["environment"]
    return {name: reference.sub(lambda found: GIVEN.get(found[1], found[2]), text) for name, text in texts.items()}


@pytest.fixture(params=["chroot", "read-only root"])
def wrap(request: pytest.FixtureRequest, image: Image, container: str, root: Path, tmp_path: Path) -> Wrap:
    """Each test that takes this runs twice: in a plain chroot, and with all that compose.yaml takes away."""
    if request.param == "chroot":
        return chrooted(container)
    volume = shutil.copytree(root / image.state[1:], tmp_path / "volume")  # as a named volume begins
    shutil.copystat(root / image.state[1:], volume)
    os.chown(volume, *map(int, image.config["User"].split(":")))
    return sandboxed(str(root), image, volume)


@pytest.fixture
def service(wrap: Wrap, image: Image, environment: dict[str, str], tmp_path: Path) -> Iterator[Service]:
    """The service from the image, ready, with the environment that compose gives it."""
    with serving(wrap, image, environment, tmp_path / "service.log") as running:
        yield running
