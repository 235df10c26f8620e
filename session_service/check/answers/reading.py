"""Reading the answer of a session endpoint as strictly as the strictest JSON reader: what is wrong with its form.

Decided here: which faults of bytes and JSON there are, and the sentence for each. Pure. Called by S01; whoever only
wants the document asks `judging.document`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from session_service.check.answers import judging
from session_service.check.asking.messages import Answer

_BOM = b"\xef\xbb\xbf"
_DECLARE = "Set the header Content-Type: application/json on the answer; a framework's JSON response does."
_ENCODE = "Write the answer with your language's JSON encoder, in UTF-8, and add nothing before or after it."
_COUNT = "Count Content-Length in bytes, not in characters, after encoding."
_SAY_SO = "Answer an error with a status that says so, 503 or another: 200 is for join details alone."
_OTHER_NAMES = {
    "agora_channel": ("channelname", "cname", "room", "roomname"),
    "agora_token": ("rtctoken", "accesstoken", "agorartctoken"),
}
_ERROR_KEYS = ("error", "errors", "message", "msg", "detail")
_LAYOUT = 'Answer with exactly {"agora_app_id": "...", "agora_channel": "...", "agora_token": "..."}.'


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and how to mend it."""

    what: str
    mend: str


def faults(answer: Answer) -> tuple[Fault, ...]:
    """Everything that is wrong with the form of the answer, down to the three required keys."""
    return (*_declared(answer), *_encoded(answer))


def _declared(answer: Answer) -> Iterator[Fault]:
    declared = answer.header("content-type")
    if declared is None:
        yield Fault("The answer has no Content-Type.", _DECLARE)
    elif answer.media_type != "application/json":
        yield Fault(f"The answer is declared as {_shown(answer.media_type)} instead of application/json.", _DECLARE)
    elif _charset(declared) not in ("", "utf-8", "utf8"):
        yield Fault(f"The answer is declared as {_shown(_charset(declared))}. JSON is UTF-8 (RFC 8259, 8.1).", _DECLARE)


def _shown(text: str) -> str:
    return repr(text[:40]) if text else "nothing"


def _charset(declared: str) -> str:
    for parameter in declared.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""


def _encoded(answer: Answer) -> Iterator[Fault]:
    coding = (answer.header("content-encoding") or "identity").strip().lower()
    if coding != "identity":
        what = f"The answer is compressed ({_shown(coding)}), and nobody asked for that: no Accept-Encoding was sent."
        yield Fault(what, "Compress only for callers that send Accept-Encoding, or leave these few bytes as they are.")
    elif not answer.body:
        yield Fault("The answer has no body.", _LAYOUT)
    elif answer.body.startswith(_BOM):
        yield Fault("The body begins with a byte order mark, which JSON must not have (RFC 8259, 8.1).", _ENCODE)
    elif answer.excess and judging.document(answer) is None:
        yield Fault("The body is cut off: more bytes came than Content-Length announced.", _COUNT)
    else:
        yield from _decoded(answer.body)


def _decoded(body: bytes) -> Iterator[Fault]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        yield Fault("The body is not UTF-8.", _ENCODE)
        return
    oddities = _Oddities()
    try:
        document = json.loads(text, object_pairs_hook=oddities.object, parse_constant=oddities.constant)
    except (ValueError, RecursionError):
        yield Fault(f"The body is not JSON.{_instead(text)}", _ENCODE)
        return
    yield from (Fault(what, _ENCODE) for what in oddities.found)
    yield from _keys(document) if isinstance(document, dict) else _no_object(document)


class _Oddities:
    """What Python's reader lets pass, and others do not."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        document = dict(pairs)
        if len(document) != len(pairs):
            self.found.append("A key stands in the body twice, and readers differ in which one they take.")
        return document

    def constant(self, name: str) -> None:
        self.found.append(f"The body holds {name}, which is no JSON.")


def _instead(text: str) -> str:
    begin = text.lstrip()[:1]
    if begin != "{" and _ends_well(text):
        return " Something stands before it, which is none: often it is a warning that the language prints."
    if begin == "<":
        return " It is a page for a browser."
    if begin == "{" and "'" in text:
        return " It looks like a dictionary as Python prints it, with single quotes."
    return ""


def _ends_well(text: str) -> bool:
    """Whether there is an object behind what is no JSON."""
    try:
        return isinstance(json.loads(text[text.index("{") :]), dict)
    except (ValueError, RecursionError):
        return False


def _no_object(document: object) -> Iterator[Fault]:
    if isinstance(document, str):
        what = "The body is a JSON text, not an object: the answer was encoded as JSON twice."
    elif isinstance(document, list):
        what = "The body is a list, not an object."
    else:
        what = "The body is JSON, but no object."
    yield Fault(what, _LAYOUT)


def _keys(document: dict[str, object]) -> Iterator[Fault]:
    together = None if any(name in document for name in judging.JOIN_DETAILS) else _none(document)
    yield from _each(document) if together is None else (together,)


def _none(document: dict[str, object]) -> Fault | None:
    """What is told once instead of three times; None where each of the keys has something of its own to tell."""
    for key, value in document.items():
        if isinstance(value, dict) and all(name in value for name in judging.JOIN_DETAILS):
            what = f"The three keys stand inside {_shown(key)}: the platform looks at the outermost object."
            return Fault(what, _LAYOUT)
    if any(_elsewhere(document, name) for name in judging.JOIN_DETAILS):
        return None
    if any(key.lower() in _ERROR_KEYS for key in document):
        return Fault("The answer says 200, and holds an error instead of join details.", _SAY_SO)
    return Fault(f"None of the keys {', '.join(judging.JOIN_DETAILS)} is there.", _LAYOUT)


def _each(document: dict[str, object]) -> Iterator[Fault]:
    for name in judging.JOIN_DETAILS:
        if name not in document:
            yield Fault(f"The key {name} is missing.{_elsewhere(document, name)}", _LAYOUT)
        elif not isinstance(document[name], str):
            yield Fault(f"{name} is {kind(document[name])} instead of a text.", _LAYOUT)
        elif not str(document[name]).strip():
            yield Fault(f"{name} is empty.", _LAYOUT)


def kind(value: object) -> str:
    """What a JSON value is that should be a text."""
    if value is None:
        return "null"
    return {bool: "true or false", int: "a number", float: "a number", list: "a list"}.get(type(value), "an object")


def _elsewhere(document: dict[str, object], name: str) -> str:
    """Where what was meant stands instead."""
    for key, value in document.items():
        if isinstance(value, dict) and name in value:
            return f" It stands inside {_shown(key)}: the platform looks at the outermost object."
        if _letters(key) in (_letters(name), _letters(name.removeprefix("agora_")), *_OTHER_NAMES.get(name, ())):
            return f" There is {_shown(key)}; keys are compared letter by letter."
    return ""


def _letters(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "")
