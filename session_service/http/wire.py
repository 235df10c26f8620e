"""Bytes ↔ values of the session endpoint: what is asked, what is answered. No clock, no settings, no I/O.

Decided here: how strict a request is read (docs/contract.md, clauses REQ) and how each answer is written. Called by
`routes` only.
"""

from typing import Any
from urllib.parse import parse_qs

import orjson

from session_service.agora.transport import JoinDetails
from session_service.errors import InvalidClientId, MalformedBody, ServiceError, UnsupportedMediaType
from session_service.sessions.model import SessionRequest

MAX_BODY = 16 * 1024
MAX_DEPTH = 32
MAX_CLIENT_ID = 128
"""Characters: more than any configured id may have, so that a longer one need not be looked for."""
_JSON = "application/json"


def from_body(content_type: str | None, body: bytes) -> SessionRequest:
    """The request in a POST body: a JSON object with client_id, whatever else it holds.

    Raises UnsupportedMediaType, MalformedBody or InvalidClientId. A missing Content-Type is taken as JSON.
    """
    if content_type is not None and content_type.partition(";")[0].strip().lower() != _JSON:
        raise UnsupportedMediaType
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MalformedBody("the body is not JSON") from None
    if not isinstance(document, dict):
        raise MalformedBody("the body is not an object")
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _deeper_than(document, MAX_DEPTH):
        raise MalformedBody(f"the body is nested over {MAX_DEPTH} deep")
    return _request(document.get("client_id"))


def from_query(query: bytes) -> SessionRequest:
    """The request in a GET query: exactly one client_id. Raises InvalidClientId."""
    try:
        fields = parse_qs(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise InvalidClientId("the query string is malformed") from None
    values = fields.get("client_id", [])
    return _request(values[0] if len(values) == 1 else None)


def _request(client_id: object) -> SessionRequest:
    if not isinstance(client_id, str) or not 1 <= len(client_id) <= MAX_CLIENT_ID or not client_id.isprintable():
        raise InvalidClientId
    return SessionRequest(client_id)


def _deeper_than(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return depth == 0 or any(_deeper_than(item, depth - 1) for item in value)


def join_details(details: JoinDetails) -> bytes:
    """Exactly the contract's fields; those of an unencrypted channel are absent, never null."""
    fields = {
        "agora_app_id": details.agora_app_id,
        "agora_channel": details.agora_channel,
        "agora_token": details.agora_token,
    }
    if details.encryption_mode is not None and details.encryption_key is not None:
        fields["encryption_mode"] = details.encryption_mode
        fields["encryption_key"] = details.encryption_key
        if details.encryption_salt is not None:
            fields["encryption_salt"] = details.encryption_salt
    return orjson.dumps(fields)


def refusal(error: ServiceError, request_id: str) -> bytes:
    """The one shape of every refusal: a stable code, a public sentence, the request id; never any input."""
    return orjson.dumps({"error": {"code": error.code, "message": error.public, "request_id": request_id}})
