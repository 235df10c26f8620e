"""Whether an answer refuses, and what a missing answer means: the judgements that many cases share.

Decided here: a refusal is a 4xx without join details. A redirect instead of a refusal is T04's finding and no other's;
a 5xx, a 2xx and silence are the finding of the case that met them. Pure.
"""

import json
from typing import Any

from session_service.check.asking.messages import Answer, Exchange
from session_service.check.model import Finding

JOIN_DETAILS = ("agora_app_id", "agora_channel", "agora_token")


def document(answer: Answer) -> dict[str, Any] | None:
    """The JSON object in the body, None where there is none."""
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def holds_join_details(answer: Answer) -> bool:
    """Whether the body has any of the contract's keys, whatever the status."""
    found = document(answer)
    return found is not None and any(name in found for name in JOIN_DETAILS)


def not_refused(exchange: Exchange, call: str) -> tuple[Finding, ...]:
    """Why this is no refusal of `call`, words such as "a call without the secret"; empty where it is one."""
    answer = exchange.answer
    if answer is None:
        return (Finding(f"{began(call)} was not answered. {silence(exchange)}", exchange),)
    if holds_join_details(answer) or 200 <= answer.status < 300:
        what = f"{began(call)} was answered {answer.status} instead of being refused.{_void(answer)}"
        return (Finding(what, exchange),)
    if answer.status >= 500:
        return (Finding(f"{began(call)} was answered {answer.status}: the endpoint broke over it.", exchange),)
    return ()


def _void(answer: Answer) -> str:
    if holds_join_details(answer) or document(answer) is None:
        return ""
    return " It holds no join details, but a caller goes by the status: a refusal is a 4xx."


def silence(exchange: Exchange) -> str:
    """What came instead of an answer, in a sentence or two."""
    assert exchange.silence is not None, "an exchange has an answer or a silence"  # noqa: S101 - what Exchange promises
    detail = f" {exchange.detail[:1].upper()}{exchange.detail[1:]}." if exchange.detail else ""
    return exchange.silence.value + detail


def began(call: str) -> str:
    """The words as a sentence begins with them."""
    return call[:1].upper() + call[1:]
