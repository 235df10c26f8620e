"""The customer's template → the body of a start request to a TEN agents server.

Decided here: what of that body is the session's and what is the customer's. The graph and the properties of its
extensions are theirs; who joins where, and how the channel is encrypted, is the session's, and a template that says
any of it is refused. Pure but for reading the file. Called by `app` and by the ten launcher.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from session_service.agents.contract import AgentSpec
from session_service.agents.outgoing import Json
from session_service.agents.templates import content_of, json_object, parsed
from session_service.agora.encryption import ChannelEncryption
from session_service.errors import InvalidValue

SHORTEST_TIMEOUT, LONGEST_TIMEOUT = 15, 86_400
"""Seconds without a ping; the server looks every five."""

_KEYS = frozenset({"graph_name", "properties", "timeout"})
_RTC = "agora_rtc"
_ENCRYPTION = ("encryption_mode", "encryption_key", "encryption_salt")


@dataclass(frozen=True, slots=True)
class Template:
    """The customer's part of every start, checked. It may hold the keys of vendors, so it is never shown.

    `timeout`: seconds without a ping until the server ends the agent; None where it need not be pinged.
    """

    graph_name: str
    properties: Mapping[str, Json] = field(repr=False)
    timeout: int | None

    def body(self, spec: AgentSpec, lifetime: int) -> Json:
        """The body of one session. Without `timeout`, the server ends the agent after `lifetime` seconds.

        Never -1, although the server knows that as "no end": it takes it from its own settings alone, and puts its
        default, a minute, in place of one that a request carries.
        """
        return {
            "request_id": spec.session_id,
            "channel_name": spec.agora.channel,
            "user_uid": spec.agora.tester_uid,
            "bot_uid": spec.agora.uid,
            "token": spec.agora.token,
            "graph_name": self.graph_name,
            "properties": self._properties(spec.encryption),
            "timeout": self.timeout or lifetime,
        }

    def _properties(self, encryption: ChannelEncryption | None) -> Mapping[str, Json]:
        if encryption is None:
            return self.properties
        return {**self.properties, _RTC: {**self.properties.get(_RTC, {}), **_encrypted(encryption)}}


def _encrypted(encryption: ChannelEncryption) -> Json:
    """The three properties by the names that the manifest of TEN's extension agora_rtc gives them."""
    values = (encryption.mode_number, encryption.key, encryption.salt)
    return {name: value for name, value in zip(_ENCRYPTION, values, strict=True) if value is not None}


def load_template(path: str) -> Template:
    """Read and check the template in the file `path`. InvalidValue says what is wrong, never what stands there."""
    return read_template(content_of(path))


def read_template(content: bytes) -> Template:
    """Check a template's text: an object with graph_name and, where wanted, properties and timeout."""
    template = parsed(content)
    if not template.keys() <= _KEYS:
        raise InvalidValue("The template holds graph_name, properties and timeout; the rest is each session's own.")
    graph_name, timeout = template.get("graph_name"), template.get("timeout")
    if not isinstance(graph_name, str) or not graph_name:
        raise InvalidValue("The template must name the graph to start: graph_name.")
    if timeout is not None and not (type(timeout) is int and SHORTEST_TIMEOUT <= timeout <= LONGEST_TIMEOUT):
        raise InvalidValue(f"timeout must be whole seconds from {SHORTEST_TIMEOUT} to {LONGEST_TIMEOUT}, or absent.")
    return Template(graph_name, _properties(template.get("properties", {})), timeout)


def _properties(value: object) -> Mapping[str, Json]:
    extensions = {
        name: json_object(one, "Each of properties") for name, one in json_object(value, "properties").items()
    }
    for name in _ENCRYPTION:
        if name in extensions.get(_RTC, {}):
            raise InvalidValue(f"The template sets {name} of {_RTC}. Take it out: each session gets its own.")
    return extensions
