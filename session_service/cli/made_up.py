"""What `dev` makes up when nothing is configured, and how it keeps it for the next start.

Decided here: the file (in the current folder, mode 0600), and that nothing made up is mixed with something real.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

FILE = ".session-dev.env"
_AGORA = ("AGORA_APP_ID", "AGORA_APP_CERTIFICATE")
_SECRETS = ("SESSION_SECRET", "SESSION_SECRETS")


def read_env_file(path: Path) -> Mapping[str, str]:
    """The names and values of a .env file; an empty mapping where there is none."""
    return {name: value for name, value in dotenv_values(path, interpolate=False).items() if value}


def given(*places: Mapping[str, str]) -> frozenset[str]:
    """The settings that stand in any of these places, themselves or as NAME_FILE."""
    return frozenset(name.removesuffix("_FILE") for place in places for name, value in place.items() if value)


def kept(folder: Path, settled: frozenset[str]) -> Mapping[str, str]:
    """What was made up for this folder, now or earlier, less what goes with a setting that is `settled` elsewhere."""
    if "SESSION_CONFIG" in settled:
        return {}
    path = folder / FILE
    if not path.exists():
        _write(path)
    path.chmod(0o600)
    values = read_env_file(path)
    for names in (_AGORA, _SECRETS):
        if not settled.isdisjoint(names):
            values = {name: value for name, value in values.items() if name not in names}
    return values


def _write(path: Path) -> None:
    lines = {
        "AGORA_APP_ID": secrets.token_hex(16),
        "AGORA_APP_CERTIFICATE": secrets.token_hex(16),
        "SESSION_CLIENT_ID": f"dev-{secrets.token_hex(3)}",
        "SESSION_SECRET": secrets.token_urlsafe(32),
    }
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write("# Made up by `session-service dev` for this folder. No real Agora project: delete at will.\n")
        file.writelines(f"{name}={value}\n" for name, value in lines.items())
