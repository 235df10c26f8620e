"""Group E: what the channel is encrypted with. Nothing is sent here, and no finding holds a key or a salt."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from session_service.agora import encryption_remarks, encryption_report
from session_service.agora.encryption_report import SILENCE, Side
from session_service.check.answers import reading, received
from session_service.check.answers.received import ENCRYPTION, Received
from session_service.check.context import Context
from session_service.check.model import Check, Finding, NotApplicable, Seen, Severity

_PAGE = "Agora Simulations, Session endpoint contract, Response: encryption fields"
_FRESH = "Draw a key and a salt for every session: 32 random bytes each, in base64. The agent gets the very same texts."
_IN_QUOTES = 'Write it as a text, in quotes; a mode by its name, such as "aes_256_gcm2".'
_KEY = (
    "Take a key of printable ASCII with no white space around it, such as 32 random bytes in base64, and give the "
    "agent the very same text."
)
_OVERHEARD = "Whoever takes part in one call, or finds its key in a log, can listen to the others."
_ALIKE = "A salt is there to make each call's encryption different; one that comes again does not."
_GUESSED = "The channel is only as private as its key."


async def _composition(context: Context) -> Seen:
    found = received.first(context)
    wrong = [Finding(what, context.good, mend=_IN_QUOTES) for what in _no_texts(found.others)]
    if wrong:
        return Seen(tuple(wrong))
    lacks = [Finding(what, context.good) for what in encryption_report.incomplete(found.side)]
    return Seen((*lacks, *_unexpected(context, found.side)), "" if lacks else _note(found.side))


def _no_texts(others: Mapping[str, object]) -> Iterator[str]:
    for name in ENCRYPTION:
        if others.get(name) is not None and not isinstance(others[name], str):
            yield f"{name} is no text, but {reading.kind(others[name])}."


def _unexpected(context: Context, side: Side) -> Iterator[Finding]:
    wanted = context.target.encryption
    mend = "Let endpoint, agent and expectation (--expect-encryption) say the same."
    if wanted == "off" and side.encrypted:
        yield Finding("The channel is encrypted, and it was expected not to be.", context.good, why=SILENCE, mend=mend)
    elif wanted not in (None, "off") and not side.encrypted:
        yield Finding("The channel is not encrypted, and it was expected to be.", context.good, why=SILENCE, mend=mend)
    elif wanted not in (None, "on", "off") and side.known_mode and side.mode != wanted:
        what = f"The mode is {side.mode}, and {wanted} was expected."
        yield Finding(what, context.good, why=SILENCE, mend=mend)


def _note(side: Side) -> str:
    return f"encrypted with {side.known_mode.name}" if side.known_mode else "not encrypted"


async def _material(context: Context) -> Seen:
    side = received.first(context).side
    if not side.encrypted:
        raise NotApplicable("the channel is not encrypted")
    others = list(_others(context))
    findings = (*_malformed(context, side), *_plausible(context, side), *_repeated(context, side, others))
    return Seen(
        findings, f"compared with {len(others)} other sessions" if others else "one session, nothing to compare"
    )


def _malformed(context: Context, side: Side) -> Iterator[Finding]:
    superfluous = encryption_report.superfluous_salt(side)
    of_the_key = tuple(encryption_report.malformed(replace(side, salt=None)))
    for what in encryption_report.malformed(side):
        if what == superfluous:
            why = "It does no harm where it is ignored, and nobody promises that it is."
            yield Finding(what, context.good, Severity.SHOULD, why, "Leave encryption_salt out in this mode.")
        else:
            yield Finding(what, context.good, mend=_KEY if what in of_the_key else None)


def _plausible(context: Context, side: Side) -> Iterator[Finding]:
    guessable = encryption_remarks.guessable(side.key or "")
    if guessable:
        yield Finding(guessable, context.good, why=_GUESSED, mend=_FRESH)
        return
    for what in encryption_remarks.remarks(side):
        yield Finding(what, context.good, Severity.SHOULD, why=_GUESSED, mend=_FRESH)


def _others(context: Context) -> Iterator[Received]:
    """The join details of other channels. One channel that is answered twice is G01's matter."""
    first = received.first(context)
    for exchange in context.minted:
        found = received.received(exchange.answer) if exchange.answer else None
        if found and found.channel != first.channel:
            yield found


def _repeated(context: Context, side: Side, others: Iterable[Received]) -> Iterator[Finding]:
    sides = [side, *(other.side for other in others)]
    for name, values, why in (
        ("key", [each.key for each in sides], _OVERHEARD),
        ("salt", [each.salt for each in sides], _ALIKE),
    ):
        given = [value for value in values if value]
        if len(set(given)) < len(given):
            what = f"Two sessions have the same {name}."
            yield Finding(what, context.good, Severity.SHOULD, why, _FRESH)


CHECKS = (
    Check(
        id="E01",
        title="the fields of encryption are complete, or all absent",
        sends="Nothing of its own: it reads the answer to R01's call.",
        severity=Severity.MUST,
        rests_on=f"{_PAGE}; Agora, EncryptionMode",
        assumptions=(7, 10),
        why="A channel is encrypted by mode, key and salt together. With a part of them, or an unknown mode, the "
        "tester cannot join, or both sides join without an error and neither hears the other.",
        mend="Answer with encryption_mode and encryption_key, and encryption_salt in the two gcm2 modes; or leave out "
        "all three.",
        profile="quick",
        run=_composition,
        after=("S01",),
    ),
    Check(
        id="E02",
        title="salt and key are well formed, random, and new in every session",
        sends="Nothing of its own: it compares the answers to every good call of the run.",
        severity=Severity.MUST,
        rests_on=f"{_PAGE}: base64; Agora, media stream encryption",
        assumptions=(8, 9),
        why="Everybody in a channel needs the same key and salt. With different ones nobody is refused, and nobody is "
        "heard: the call is silent, and billed.",
        mend="Answer the base64 of 32 random bytes as the salt: `base64.b64encode(os.urandom(32)).decode()` in Python, "
        "`crypto.randomBytes(32).toString('base64')` in Node. Give the agent the same 32 bytes.",
        profile="quick",
        run=_material,
        after=("E01",),
    ),
)
"""The checks of this group."""
