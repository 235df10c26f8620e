"""Agora's REST API for conversational agents: where it answers, and the longest that it lets an agent wait.

Decided here: the word by which an operator chooses a region, and the base URL that it stands for: one host for the
world, and one for each region. Called by `app`, for the convoai launcher and its settings. Hosts and paths are those of
Agora's own SDK (agora-agents 2.12, core/domain.py); mainland China has its own top-level domain and a path of its own.
"""

from collections.abc import Mapping
from types import MappingProxyType

from session_service.errors import InvalidValue

LONGEST_IDLE = 259_200
"""Seconds: the most that an agent can be told to wait for somebody who has left (join, `idle_timeout`)."""

GLOBAL = "global"
_PATH = "/api/conversational-ai-agent"
_REGIONS = (
    "us-west-1",
    "us-east-1",
    "eu-west-1",
    "eu-central-1",
    "ap-southeast-1",
    "ap-northeast-1",
)
_REGIONS_OF_CHINA = ("cn-east-1", "cn-north-1")

AREAS: Mapping[str, str] = MappingProxyType(
    {GLOBAL: f"https://api.agora.io{_PATH}"}
    | {region: f"https://api-{region}.agora.io{_PATH}" for region in _REGIONS}
    | {region: f"https://api-{region}.sd-rtn.com/cn{_PATH}" for region in _REGIONS_OF_CHINA}
)
"""The base URL of each area, by its word."""


def base_url(area: str) -> str:
    """Return the area's base URL, without a slash at its end; InvalidValue names the words that there are."""
    if area not in AREAS:
        raise InvalidValue(f"An area is one of: {', '.join(AREAS)}.")
    return AREAS[area]
