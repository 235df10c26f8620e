"""The customer's template → the body of a join request to Agora's Conversational AI Engine.

Decided here: what of that body is the session's and what is the customer's. Whatever makes the agent (asr, llm, tts,
pipeline_id, ...) is theirs and passes unread; who it is, where it joins and when it ends is the session's, and a
template that says any of it is refused. Pure but for reading the file. Called by `app` and by the convoai launcher.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from session_service.agents.contract import AgentSpec
from session_service.agents.outgoing import Json
from session_service.agents.templates import content_of, json_object, parsed
from session_service.agora.encryption import ChannelEncryption
from session_service.errors import InvalidValue

LABEL = "session_id"
"""The label that carries the session's id; Agora repeats labels in each of its notifications."""

_OURS = ("channel", "token", "agent_rtc_uid", "remote_rtc_uids", "idle_timeout", "rtc")


@dataclass(frozen=True, slots=True)
class Template:
    """The customer's part of every join body, checked. It holds the keys of vendors, so it is never shown."""

    top: Json = field(repr=False)
    properties: Json = field(repr=False)
    labels: Mapping[str, str] = field(repr=False)

    def body(self, spec: AgentSpec, idle_timeout: int) -> Json:
        """The join body of one session. `idle_timeout`: seconds after the tester has left until Agora ends the agent.

        The agent subscribes to the tester alone: two agents that heard everybody would keep each other alive.
        """
        ours: dict[str, object] = {
            "channel": spec.agora.channel,
            "token": spec.agora.token,
            "agent_rtc_uid": str(spec.agora.uid),
            "remote_rtc_uids": [str(spec.agora.tester_uid)],
            "idle_timeout": idle_timeout,
            "labels": {**self.labels, LABEL: spec.session_id},
        }
        if spec.encryption is not None:
            ours["rtc"] = _rtc(spec.encryption)
        return {**self.top, "name": spec.session_id, "properties": {**self.properties, **ours}}


def _rtc(encryption: ChannelEncryption) -> Json:
    """Agora takes the same number, key and salt as its SDKs, as they stand (join, `properties.rtc`, since v2.3)."""
    values: dict[str, object] = {"encryption_mode": encryption.mode_number, "encryption_key": encryption.key}
    if encryption.salt is not None:
        values["encryption_salt"] = encryption.salt
    return values


def load_template(path: str) -> Template:
    """Read and check the template in the file `path`. InvalidValue says what is wrong, never what stands there."""
    return read_template(content_of(path))


def read_template(content: bytes) -> Template:
    """Check a template's text: a JSON object with nothing in it that is the session's. InvalidValue names the key."""
    top = parsed(content)
    properties = json_object(top.get("properties", {}), "properties")
    labels = json_object(properties.get("labels", {}), "properties.labels")
    _refuse("name" in top, "name")
    for key in _OURS:
        _refuse(key in properties, f"properties.{key}")
    _refuse(LABEL in labels, f"properties.labels.{LABEL}")
    if properties.get("enable_string_uid"):
        raise InvalidValue("The template sets properties.enable_string_uid. Take it out: uids are numbers here.")
    return Template(top, properties, _texts(labels))


def _texts(labels: Json) -> Mapping[str, str]:
    texts = {key: value for key, value in labels.items() if isinstance(value, str)}
    if len(texts) != len(labels):
        raise InvalidValue("Each of properties.labels must be a text.")
    return texts


def _refuse(present: bool, key: str) -> None:
    if present:
        raise InvalidValue(f"The template sets {key}. Take it out: each session gets its own.")
