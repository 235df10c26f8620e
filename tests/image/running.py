"""The service, run from the image without a container engine: in a plain chroot, or in a sandbox with a read-only root.

Decided here: what stands in for `docker run`. Both ways use the host's network, the image's environment and its numeric
user; `sandboxed` adds what deploy/compose.yaml asks for: read-only but for /tmp and the volume, no capability, no new
privileges.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.image import processes
from tests.image.building import Image
from tests.ports import free_port

Wrap = Callable[[Mapping[str, str], list[str]], list[str]]
"""A command and its environment → the command that runs it in the image."""
START_DEADLINE = 60.0


def chrooted(container: str) -> Wrap:
    """As the image's user, in the container's own file system."""

    def wrap(environment: Mapping[str, str], command: list[str]) -> list[str]:
        variables = [f"--env={name}={value}" for name, value in environment.items()]
        return ["buildah", "run", "--isolation=chroot", *variables, container, "--", *command]

    return wrap


def sandboxed(root: str, image: Image, volume: Path | None) -> Wrap:
    """As the image's user, on a root that nobody can write to; bwrap leaves setpriv the two rights that it needs."""
    tree = ["--ro-bind", root, "/", "--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp"]  # noqa: S108
    if volume:
        tree += ["--bind", str(volume), image.state]
    apart = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--new-session", "--clearenv"]
    rights = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    uid, gid = image.config["User"].split(":")
    drop = ["setpriv", "--reuid", uid, "--regid", gid, "--clear-groups", "--no-new-privs", "--inh-caps=-all"]

    def wrap(environment: Mapping[str, str], command: list[str]) -> list[str]:
        variables = [
            word for name, value in {**image.environment, **environment}.items() for word in ("--setenv", name, value)
        ]
        return ["bwrap", *tree, *apart, *rights, *variables, *drop, *command]

    return wrap


@dataclass(frozen=True, slots=True)
class Service:
    """A service that runs from the image and takes sessions."""

    base_url: str
    runner: "subprocess.Popen[bytes]"
    log: Path
    wrap: Wrap
    environment: Mapping[str, str]

    def find(self, word: str) -> processes.Process:
        """The one interpreter of it that was given an argument ending in `word`."""
        (found,) = [one for one in processes.below(self.runner.pid) if one.is_python_with(word)]
        return found

    def ends(self, seconds: float) -> bool:
        """Ask the service itself to end, and wait for whoever runs it."""
        subprocess.run(["kill", "-TERM", str(self.find("/session-service").pid)], check=True)
        try:
            self.runner.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def run(self, *command: str) -> int:
        """The exit code of another command in the same image, with the same environment."""
        return subprocess.run(self.wrap(self.environment, list(command)), check=False, timeout=60).returncode


@contextmanager
def serving(wrap: Wrap, image: Image, environment: Mapping[str, str], log: Path) -> Iterator[Service]:
    """Run the image's own command on a free port; yield when it is ready, and leave nothing of it behind."""
    port = free_port()
    environment = {**environment, "SESSION_HOST": "127.0.0.1", "SESSION_PORT": str(port), "SESSION_OPS_PORT": "0"}
    with log.open("wb") as out:
        runner = subprocess.Popen(wrap(environment, image.command), stdout=out, stderr=subprocess.STDOUT)
    service = Service(f"http://127.0.0.1:{port}", runner, log, wrap, environment)
    try:
        _wait_until_ready(service)
        yield service
    finally:
        for process in processes.below(runner.pid):
            subprocess.run(["kill", "-KILL", str(process.pid)], check=False, capture_output=True)
        runner.send_signal(signal.SIGKILL)
        runner.wait()


def _wait_until_ready(service: Service) -> None:
    """Ask until the answer is 200; between two questions, wait for the one event that ends all asking."""
    deadline = time.monotonic() + START_DEADLINE
    while time.monotonic() < deadline:
        try:
            if httpx2.get(f"{service.base_url}/readyz", timeout=START_DEADLINE, trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        try:
            service.runner.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"The service did not become ready:\n{service.log.read_text()}")
