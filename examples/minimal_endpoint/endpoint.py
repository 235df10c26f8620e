"""A session endpoint in one file, with Python's standard library alone: what the contract asks for, and no agent.

    AGORA_APP_ID=... AGORA_APP_CERTIFICATE=... SESSION_CLIENT_ID=... SESSION_SECRET=... python endpoint.py 8080

For whoever wants to read, or to port, what `session-service check` expects. `started` is where an agent belongs.
"""

import hashlib
import hmac
import json
import os
import secrets
import sys
import time
import zlib
from base64 import b64encode
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from struct import pack
from urllib.parse import parse_qs, urlsplit

APP_ID, CERTIFICATE = os.environ["AGORA_APP_ID"].encode(), os.environ["AGORA_APP_CERTIFICATE"].encode()
CLIENT_ID, SECRET = os.environ["SESSION_CLIENT_ID"], os.environ["SESSION_SECRET"].encode()
PATH = "/cekura/v1/sessions"
TESTER_UID = b"1"  # the platform joins as uid 1; in a token a uid is decimal text
LIFETIME = 3900  # seconds: the longest call, and some slack
MOST_BODY = 16 * 1024


def token(channel: bytes) -> str:
    """A token of version 007 that lets the tester join this channel and speak in it."""
    issued_at, salt = int(time.time()), secrets.randbelow(99_999_998) + 1
    privileges = b"".join(pack("<HI", number, LIFETIME) for number in (1, 2, 3, 4))  # join, audio, video, data
    rtc = pack("<HH", 1, 4) + privileges + packed(channel) + packed(TESTER_UID)
    body = packed(APP_ID) + pack("<IIIH", issued_at, LIFETIME, salt, 1) + rtc
    key = hmac_sha256(pack("<I", salt), hmac_sha256(pack("<I", issued_at), CERTIFICATE))
    return "007" + b64encode(zlib.compress(packed(hmac_sha256(key, body)) + body)).decode()


def packed(text: bytes) -> bytes:
    """Text as tokens hold it: its length, then itself."""
    return pack("<H", len(text)) + text


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256."""
    return hmac.digest(key, message, hashlib.sha256)


def started(channel: str) -> Mapping[str, str]:
    """The join details of a new session. Start your agent here, in this channel, with a uid that is not 1."""
    return {
        "agora_app_id": APP_ID.decode(),
        "agora_channel": channel,
        "agora_token": token(channel.encode()),
    }


class Endpoint(BaseHTTPRequestHandler):
    """One call. A refusal is decided before anything is started."""

    protocol_version = "HTTP/1.1"
    timeout = 20

    def answer(self) -> None:
        """Refuse, or open a session."""
        refusal = self.refused()
        if refusal is not None:
            self.reply(refusal, {"error": "refused"})
        else:
            self.reply(200, started(f"cekura-{secrets.token_hex(16)}"))

    def refused(self) -> int | None:
        """The status to refuse with: who asks, before what is asked."""
        sent = self.headers.get_all("X-Cekura-Secret", [])
        if urlsplit(self.path).path != PATH:
            return 404
        if self.command not in ("POST", "GET"):
            return 405
        if len(sent) != 1 or not hmac.compare_digest(sent[0].encode("latin-1"), SECRET):
            return 401
        try:
            client_id = self.asked()
        except (ValueError, RecursionError, OverflowError):
            return 400
        if not isinstance(client_id, str) or not client_id:
            return 400
        return None if hmac.compare_digest(client_id.encode(errors="replace"), CLIENT_ID.encode()) else 403

    def asked(self) -> object:
        """The client id: of a GET from the query, of a POST from the body."""
        if self.command == "GET":
            return parse_qs(urlsplit(self.path).query, strict_parsing=True).get("client_id", [""])[0]
        size = int(self.headers.get("Content-Length") or 0)
        if not 0 < size <= MOST_BODY:
            raise ValueError("no body, or too much of it")
        document = json.loads(self.rfile.read(size))
        return document.get("client_id") if isinstance(document, dict) else None

    def reply(self, status: int, document: Mapping[str, str]) -> None:
        """Write the answer. Whoever was refused may have sent more than was read, so the connection ends."""
        body = json.dumps(document).encode()
        self.close_connection = self.close_connection or status != 200
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Request-Id", secrets.token_hex(8))
        if status == 405:
            self.send_header("Allow", "POST, GET")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library refuses by itself, in the same form."""
        self.command, self.close_connection = self.command or "", True
        self.reply(code, {"error": "refused"})

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a request line can hold a client id."""

    do_POST = do_GET = do_HEAD = do_PUT = do_DELETE = do_TRACE = do_PATCH = do_OPTIONS = answer


class Server(ThreadingHTTPServer):
    """A thread for each connection, and room for a burst of them."""

    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    server = Server(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 8080), Endpoint)
    print(f"http://127.0.0.1:{server.server_port}{PATH}", flush=True)
    server.serve_forever()
