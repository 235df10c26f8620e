"""The image, built without a container engine: a Debian base from mmdebstrap, and podman's build in a plain chroot.

Decided here: what is kept between runs (the base in .cache/image, the layers in podman's storage), and that nothing of
this machine gets into the image: its certificates and its pip settings are mounted while the build runs.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).parent.parent.parent
BASE_TAR = ROOT / ".cache" / "image" / "debian-bookworm.tar"
BASE = "localhost/session-service-test-base"
TAG = "localhost/session-service-test"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", ".cache", ".*_cache", ".hypothesis", "__pycache__", "node_modules")


def output(*command: str | Path) -> str:
    """What the command prints; an error with everything it said when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


@dataclass(frozen=True, slots=True)
class Image:
    """A built image: its name, which is its id, since another run may move the tag; and a container's configuration."""

    name: str
    config: dict[str, Any]

    @property
    def command(self) -> list[str]:
        return [*self.config["Entrypoint"], *self.config["Cmd"]]

    @property
    def environment(self) -> dict[str, str]:
        return dict(entry.split("=", 1) for entry in self.config["Env"])

    @property
    def state(self) -> str:
        """The one folder that is a volume."""
        (path,) = self.config["Volumes"]
        return cast(str, path)

    @property
    def healthcheck(self) -> list[str]:
        return cast(list[str], self.config["Healthcheck"]["Test"])


def build(folder: Path, planted: dict[str, str]) -> Image:
    """Build this work tree, with the files `planted` lying about in it. `folder` is for what the build needs."""
    _make_base()
    context = shutil.copytree(ROOT, folder / "context", ignore=LEFT_OUT)
    for name, text in planted.items():
        (context / name).write_text(text)
    arguments = ["--format=docker", "--isolation=chroot", "--network=host", f"--build-arg=BASE={BASE}"]
    built = output("podman", "build", "--quiet", *arguments, *_mounts(folder), f"--tag={TAG}", context)
    (inspected,) = json.loads(output("podman", "image", "inspect", built))
    return Image(built, inspected["Config"] | {"Healthcheck": inspected.get("Healthcheck")})


def _make_base() -> None:
    if subprocess.run(["podman", "image", "exists", BASE], check=False).returncode == 0:
        return
    if not BASE_TAR.exists():
        BASE_TAR.parent.mkdir(parents=True, exist_ok=True)
        part = BASE_TAR.with_suffix(f".{os.getpid()}.tar")
        again = '--aptopt=Acquire::Retries "5"'
        packages = "--include=ca-certificates,python3,python3-venv"
        output("mmdebstrap", "--quiet", "--variant=minbase", again, packages, "bookworm", part)
        part.rename(BASE_TAR)
    output("podman", "import", "--quiet", BASE_TAR, BASE)


def _mounts(folder: Path) -> list[str]:
    """This machine's own certificates and pip settings, read-only and for the build alone."""
    settings = _pip_settings()
    pip = folder / "pip.conf"
    pip.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    paths = {Path(value) for value in settings.values() if Path(value).is_absolute() and Path(value).exists()}
    mounts = {pip: Path("/etc/pip.conf"), CERTIFICATES: CERTIFICATES} | {path: path for path in paths}
    return [f"--volume={source}:{target}:ro" for source, target in mounts.items() if source.exists()]


def _pip_settings() -> dict[str, str]:
    """pip's options for every command, from its files and, stronger, from the environment."""
    lines = output(sys.executable, "-m", "pip", "config", "list").splitlines()
    found = [line.partition("=") for line in sorted(lines, key=lambda line: line.startswith(":env:"))]
    sections = ("global.", ":env:.")
    return {
        name.removeprefix(section): str(ast.literal_eval(value))
        for name, _, value in found
        for section in sections
        if name.startswith(section)
    }
