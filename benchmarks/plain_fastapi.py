"""The same endpoint as a team would write it on FastAPI and pydantic, with no regard for speed.

Measured by `benchmarks.http` beside the service. `app` mints one token per call; `app_with_agent` mints a second one
and starts a task that ends at once. Both compare the secret, count sessions, and write one log line per call, the
second another one per end; neither throttles, holds caps on headers, or keeps anything of a session.
"""

import asyncio
import hmac
import logging
import os
import secrets
import time
import uuid
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException, Response
from pydantic import BaseModel

from tests.agora import plain

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
log = logging.getLogger("plain")

APP_ID = os.environ["AGORA_APP_ID"]
CERTIFICATE = os.environ["AGORA_APP_CERTIFICATE"]
CLIENT_ID = os.environ["SESSION_CLIENT_ID"]
SECRET = os.environ["SESSION_SECRET"].encode()
MAX_SESSIONS = int(os.environ["SESSION_MAX_SESSIONS"])
LIFETIME = 3900


class Ask(BaseModel):
    """The body of a call."""

    client_id: str


class JoinDetails(BaseModel):
    """The answer to a call."""

    agora_app_id: str
    agora_channel: str
    agora_token: str


class Sessions:
    """How many sessions there are, and the tasks of their agents."""

    def __init__(self) -> None:
        self.count = 0
        self.agents: set[asyncio.Task[None]] = set()

    def admit(self) -> None:
        """Count a session, or refuse it."""
        if self.count >= MAX_SESSIONS:
            raise HTTPException(429, "too many sessions")
        self.count += 1

    def start(self, channel: str, token: str) -> None:
        """Start an agent that does nothing."""
        task = asyncio.create_task(self._agent(channel, token))
        self.agents.add(task)
        task.add_done_callback(self.agents.discard)

    async def _agent(self, channel: str, token: str) -> None:
        self.count -= 1
        log.info("session ended channel=%s", channel)


sessions = Sessions()
app = FastAPI()
app_with_agent = FastAPI()
Secret = Annotated[str, Header(alias="X-Cekura-Secret")]


@app.post("/cekura/v1/sessions")
async def mint(ask: Ask, secret: Secret, response: Response) -> JoinDetails:
    """Answer with join details."""
    return admitted(ask, secret, response)


@app_with_agent.post("/cekura/v1/sessions")
async def mint_and_start(ask: Ask, secret: Secret, response: Response) -> JoinDetails:
    """Answer with join details, with an agent started."""
    details = admitted(ask, secret, response)
    sessions.start(details.agora_channel, token(details.agora_channel, 2 + secrets.randbelow(2**31 - 2)))
    return details


def admitted(ask: Ask, secret: str, response: Response) -> JoinDetails:
    """Check the caller, take a place, mint, log."""
    began = time.perf_counter()
    if not hmac.compare_digest(secret.encode(), SECRET):
        raise HTTPException(401, "wrong secret")
    if ask.client_id != CLIENT_ID:
        raise HTTPException(403, "unknown client")
    sessions.admit()
    channel = f"cekura-{secrets.token_hex(16)}"
    details = JoinDetails(agora_app_id=APP_ID, agora_channel=channel, agora_token=token(channel, 1))
    request_id = uuid.uuid4().hex
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Request-Id"] = request_id
    took = (time.perf_counter() - began) * 1000
    log.info("call request_id=%s client=%s channel=%s ms=%.1f", request_id, ask.client_id, channel, took)
    return details


def token(channel: str, uid: int) -> str:
    """Mint as Agora's own builder does."""
    made = plain.publisher(APP_ID, CERTIFICATE, channel, uid, issued_at=int(time.time()), lifetime=LIFETIME)
    return made.build()
