"""One check of what an answer says, made on an answer written by hand; for the tests of each sentence."""

import asyncio
import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from session_service.check.asking import calls
from session_service.check.asking.messages import Answer, Exchange
from session_service.check.catalogue import BY_ID
from session_service.check.context import Context, World
from session_service.check.model import Result, Seen, judged
from session_service.check.sessions import Sessions
from session_service.check.target import Target, endpoint
from tests.check.correct import CLIENT, PROJECT, SECRET, token

CHANNEL = "cekura-00112233445566778899aabbccddeeff"
DECLARED = (("content-type", "application/json"), ("cache-control", "no-store"), ("x-request-id", "1"))


def details(**differently: object) -> dict[str, object]:
    """Join details, right unless told otherwise. What is told to be `...` is left out."""
    right = {"agora_app_id": PROJECT.app_id, "agora_channel": CHANNEL, "agora_token": token(CHANNEL)}
    return {name: value for name, value in {**right, **differently}.items() if value is not ...}


def context(
    body: object, headers: Sequence[tuple[str, str]] = DECLARED, *, now: float | None = None, **target: Any
) -> Context:
    """A run whose first good call was answered with this body: bytes as they stand, anything else as JSON."""
    usual = Target(endpoint("http://127.0.0.1:1/session"), CLIENT, SECRET.encode(), certificate=PROJECT.certificate)
    asked = replace(usual, **target)
    world = World(time.time if now is None else lambda: now, time.perf_counter, os.urandom)
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    good = Exchange(calls.platform(asked, calls.right(asked)), Answer(200, tuple(headers), written, 0.1))
    return Context(asked, world, Sessions(99), good=good, minted=[good])


def made(check: str, run: Context) -> Seen:
    """What one check sees in that run."""
    return asyncio.run(BY_ID[check].run(run))  # type: ignore[arg-type]


def found(check: str, body: object, headers: Sequence[tuple[str, str]] = DECLARED, **differently: Any) -> Result:
    """The result of one check on that answer."""
    return judged(BY_ID[check], made(check, context(body, headers, **differently)), 0.0)
