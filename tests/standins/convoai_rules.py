"""What Agora's Conversational AI Engine documents for a call: who may make it, and what a join body may hold.

Every rule is one that Agora's pages state (REST authentication, join, status codes); what they do not allow is refused.
Shapes are those of the official SDK's models (agora-agents).
"""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from agora_agent.agents.types.start_agents_request_properties import StartAgentsRequestProperties
from pydantic import ValidationError

from session_service.agora import tokens
from session_service.agora.identifiers import Project
from session_service.errors import InvalidValue

CLOCKS_APART = 1
"""Seconds: who mints and who checks do not read the clock at the same instant."""
LONGEST_TOKEN = 86_400
LONGEST_IDLE = 259_200
_TOP = {"name", "properties", "pipeline_id", "preset"}
_PIPELINE = ("asr", "llm", "tts")


class Refused(Exception):
    """An answer that is an error: its status, its stable reason, and a text that quotes what it is about."""

    def __init__(
        self, status: int, reason: str, detail: str, task: Mapping[str, object] = MappingProxyType({})
    ) -> None:
        super().__init__(status, reason, detail)
        self.status = status
        self.body = {"detail": detail, "reason": reason, **task}


@dataclass(frozen=True, slots=True)
class Account:
    """Whose project it is; `customer` is the customer id and secret, where Basic authentication is wanted."""

    project: Project
    customer: tuple[str, str] | None = field(default=None, repr=False)

    def authenticate(self, header: str, now: float) -> "Caller":
        """Tell for what this header stands, or refuse with 401."""
        if self.customer is not None and header.startswith("Basic "):
            if b64decode(header.removeprefix("Basic ")).decode() == ":".join(self.customer):
                return Caller(None)
        elif header.startswith("agora token="):
            return Caller(_token(header.removeprefix("agora token="), self.project, now))
        raise Refused(401, "Unauthorized", f"The header {header} opens nothing.")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: somebody with the account's own credentials, or the (channel, uid) that a token was made for."""

    scope: tuple[str, str] | None

    def may(self, *scopes: tuple[str, str]) -> None:
        """Refuse a token that was made for something else, with 403."""
        if self.scope is not None and self.scope not in scopes:
            raise Refused(403, "InvalidPermission", f"The token is for {self.scope}.")


def _token(text: str, project: Project, now: float) -> tuple[str, str]:
    """The channel and uid of a token of version 007 that is signed, in force, short enough, and has RTC and RTM."""
    try:
        token = tokens.read(text)
    except InvalidValue as error:
        raise Refused(401, "Unauthorized", str(error)) from None
    services = {service.kind.name: service for service in token.services}
    if (
        token.app_id != project.app_id
        or not token.signature_valid(project.certificate)
        or not token.issued_at - CLOCKS_APART <= now < token.issued_at + token.lifetime
        or not 0 < token.lifetime <= LONGEST_TOKEN
        or not {"rtc", "rtm"} <= services.keys()
    ):
        raise Refused(401, "Unauthorized", f"The token {text} is not in force.")
    rtc, rtm = services["rtc"], services["rtm"]
    if rtc.fields["uid"] != rtm.fields["user_id"] or not rtc.privileges.get(1) or not rtm.privileges.get(1):
        raise Refused(401, "Unauthorized", "The token's services are for two users, or without a privilege.")
    return str(rtc.fields["channel"]), str(rtc.fields["uid"])


def check_join(body: Any, project: Project) -> None:
    """Refuse, with 400, a join body that breaks a documented rule."""
    if not isinstance(body, dict) or body.keys() - _TOP:
        raise Refused(400, "InvalidRequestBody", f"The body {body} is not of the documented form.")
    name, properties = body.get("name"), body.get("properties")
    if not isinstance(name, str) or not name or not isinstance(properties, dict):
        raise Refused(400, "MissingRequiredField", "name and properties are required.")
    try:
        model = StartAgentsRequestProperties.model_validate(properties, strict=True)
    except ValidationError as error:
        raise Refused(400, "InvalidRequestBody", str(error)) from None
    _only_known(model.model_extra, "properties")
    _check_pipeline(body, properties)
    _check_people(model)
    _check_agent_token(model, project)
    if not 0 <= (30 if model.idle_timeout is None else model.idle_timeout) <= LONGEST_IDLE:
        raise _invalid("idle_timeout")
    if model.rtc is not None:
        _only_known(model.rtc.model_extra, "rtc")
        _check_encryption(model.rtc.encryption_mode, model.rtc.encryption_key, model.rtc.encryption_salt)


def _invalid(name: str) -> Refused:
    return Refused(400, "InvalidFieldValue", f"properties.{name} has a value that is not allowed.")


def _only_known(extra: Mapping[str, object] | None, where: str) -> None:
    if extra:
        raise Refused(400, "InvalidRequestBody", f"{where} has fields that nobody documented: {sorted(extra)}.")


def _check_pipeline(body: Mapping[str, object], properties: Mapping[str, object]) -> None:
    if "pipeline_id" not in body and "mllm" not in properties and not all(part in properties for part in _PIPELINE):
        raise Refused(400, "MissingRequiredField", "Without pipeline_id, asr, llm and tts are required.")


def _check_people(model: StartAgentsRequestProperties) -> None:
    if not (0 < len(model.channel) < 64):
        raise _invalid("channel")
    people = [model.agent_rtc_uid, *model.remote_rtc_uids]
    if len(people) != 2 or people[0] == people[1] or model.enable_string_uid:
        raise _invalid("remote_rtc_uids")
    if not all(uid.isascii() and uid.isdigit() and 0 < int(uid) < 2**32 for uid in people):
        raise _invalid("agent_rtc_uid")


def _check_agent_token(model: StartAgentsRequestProperties, project: Project) -> None:
    """The agent itself would be turned away at the channel's door; the stand-in says so at once."""
    try:
        token = tokens.read(model.token)
    except InvalidValue:
        raise _invalid("token") from None
    (rtc,) = token.services
    fits = dict(rtc.fields) == {"channel": model.channel, "uid": model.agent_rtc_uid}
    if not (fits and token.app_id == project.app_id and token.signature_valid(project.certificate)):
        raise _invalid("token")


def _check_encryption(mode: int | None, key: str | None, salt: str | None) -> None:
    if mode not in range(1, 9) or not key:
        raise _invalid("rtc.encryption_mode")
    salted = mode in (7, 8)
    if salted and (salt is None or len(b64decode(salt)) != 32 or not any(b64decode(salt))):
        raise _invalid("rtc.encryption_salt")
    if not salted and salt is not None:
        raise _invalid("rtc.encryption_salt")
