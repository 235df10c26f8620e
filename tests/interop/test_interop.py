"""Tokens minted here are read and verified by Agora's own code in two other languages, and theirs by us.

Each question holds our token and what it was minted from; the answer holds what the official code read in it, whether
the signature is right, and the official token for the same values. Properties, so that a failure comes as its smallest
case: Unicode accounts, the empty channel, uid 0 and 2**32-1, every privilege, several services in one token.
"""

import base64
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from session_service.agora import legacy_tokens, tokens
from session_service.agora.identifiers import MAX_UID, Project
from session_service.agora.token_services import KINDS, PERMISSIONS, ROLE, TEXT, Kind, Service
from session_service.agora.tokens import RtcMinter
from tests.agora import strategies
from tests.interop import official
from tests.interop.official import Ask, Question

pytestmark = [pytest.mark.real, pytest.mark.timeout(900), pytest.mark.xdist_group("builders")]  # started once
many = settings(max_examples=150)

# Short, because the official builders in both languages have room for 1024 bytes.
short_texts = st.text(st.characters(codec="utf-8"), max_size=12)
uids = st.sampled_from([0, 1, 2**31, MAX_UID]) | st.integers(0, MAX_UID) | short_texts
permissions = st.dictionaries(
    st.integers(0, 4),
    st.dictionaries(st.integers(0, 1), st.lists(short_texts, max_size=2), min_size=1),  # agora-token drops an empty one
    max_size=5,
)
values = {TEXT: short_texts, ROLE: st.integers(-(2**15), 2**15 - 1), PERMISSIONS: permissions}
instants = st.integers(1, 2**32 - 1)  # both languages take 0 for "now"
terms = st.fixed_dictionaries({"issued_at": instants, "lifetime": strategies.u32, "salt": strategies.u32})


@pytest.fixture(scope="module")
def node() -> Iterator[Ask]:
    """One Node process for every question of this module."""
    with official.node() as ask:
        yield ask


@pytest.fixture(scope="module")
def java() -> Iterator[Ask]:
    """One Java process for every question of this module."""
    with official.java() as ask:
        yield ask


def granted(numbers: tuple[int, ...]) -> st.SearchStrategy[dict[int, int]]:
    """Any choice of privileges, each with any number of seconds."""
    return st.dictionaries(st.sampled_from(numbers), strategies.u32) if numbers else st.just({})


def written(kind: Kind) -> st.SearchStrategy[Question]:
    """A service of that kind as a question holds it."""
    fields = {name: values[field] for name, field in kind.fields.items()}
    fields |= {"uid": uids} if "uid" in fields else {}
    numbers = tuple(range(1, len(kind.privileges) + 1))
    return st.fixed_dictionaries({"type": st.just(kind.number), "privileges": granted(numbers), **fields})


def ours(question: Question) -> Service:
    """The same service as we write it: a uid is text, and uid 0 the empty one."""
    fields = {name: field_of(name, value) for name, value in question.items() if name not in ("type", "privileges")}
    return Service(KINDS[question["type"]], question["privileges"], fields)


def field_of(name: str, value: Any) -> Any:
    """A question's value as a token holds it."""
    if name == "uid":
        return str(value or "")
    if name == "permissions":
        return {kind: {right: tuple(names) for right, names in rights.items()} for kind, rights in value.items()}
    return value


def from_json(written: Question) -> Service:
    """A service that was read elsewhere; JSON made texts of its numbers."""
    numbered = {**written, "privileges": {int(number): end for number, end in written["privileges"].items()}}
    if "permissions" in written:
        numbered["permissions"] = {
            int(kind): {int(right): names for right, names in rights.items()}
            for kind, rights in written["permissions"].items()
        }
    return ours(numbered)


def inflated(token: str) -> bytes:
    """What a token's text holds; the text depends on who compressed it."""
    return zlib.decompress(base64.b64decode(token.removeprefix("007")))


def agree(ask: Ask, project: Project, services: list[Question], terms: dict[str, int]) -> Question:
    """Have both sides mint and read one token, and compare all that can be compared; return the answer."""
    sent = tuple(sorted(map(ours, services), key=lambda service: service.kind.number))
    token = tokens.mint(project, sent, **terms)
    certificate = project.certificate
    question = {"version": "007", "app_id": project.app_id, "certificate": certificate, "services": services, **terms}
    answer = ask({**question, "token": token})
    assert {name: answer[name] for name in ("app_id", *terms)} == {"app_id": project.app_id, **terms}
    assert tuple(map(from_json, answer["services"])) == sent
    assert inflated(answer["minted"]) == inflated(token)
    theirs = tokens.read(answer["minted"])
    assert theirs == tokens.read(token)
    assert theirs.signature_valid(certificate)
    return answer


@many
@given(
    project=strategies.projects,
    services=st.lists(st.sampled_from(list(KINDS.values())).flatmap(written), min_size=1, max_size=4),
    terms=terms,
)
def test_node_and_we_agree_on_007(node: Ask, project: Project, services: list[Question], terms: dict[str, int]) -> None:
    """All ten services, several of one kind too; verified by agora-token itself."""
    assert agree(node, project, services, terms)["valid"]


@many
@given(
    project=strategies.projects,
    services=st.lists(
        st.sampled_from([KINDS[number] for number in (1, 2, 4, 5, 7)]).flatmap(written),
        min_size=1,
        max_size=3,
        unique_by=lambda service: service["type"],
    ),
    terms=terms,
)
def test_java_and_we_agree_on_007(java: Ask, project: Project, services: list[Question], terms: dict[str, int]) -> None:
    """The five services that its release knows, one of a kind; what it read, it signs and builds to the same bytes."""
    answer = agree(java, project, services, terms)
    assert answer["readable"]
    assert inflated(answer["rebuilt"]) == inflated(answer["minted"])


@pytest.mark.parametrize("language", ["node", "java"])
def test_the_testers_token_is_accepted(language: str, request: pytest.FixtureRequest) -> None:
    """The one that the service hands out, by the fast mint."""
    project = Project("970CA35de60c44645bbae8a215061b33", "5CFd2fd1755d40ecb72977518be15d3b")
    services: list[Question] = [
        {"type": 1, "privileges": dict.fromkeys((1, 2, 3, 4), 3600), "channel": "cekura-room", "uid": 1}
    ]
    terms = {"issued_at": 1_700_000_000, "lifetime": 3600, "salt": 99_999_999}
    answer = agree(request.getfixturevalue(language), project, services, terms)
    assert inflated(answer["minted"]) == inflated(RtcMinter(project).mint("cekura-room", 1, **terms))


legacy_values = st.fixed_dictionaries(
    {
        "channel": short_texts,
        "uid": short_texts,
        "privileges": granted(tuple(legacy_tokens.PRIVILEGES)),
        "expires_at": strategies.u32,
        "salt": strategies.u32,
    }
)


@pytest.mark.parametrize("language", ["node", "java"])
@many
@given(project=strategies.projects, values=legacy_values)
def test_both_languages_and_we_agree_on_006(
    language: str, request: pytest.FixtureRequest, project: Project, values: Question
) -> None:
    """Nothing is compressed, so the texts are equal."""
    ask: Ask = request.getfixturevalue(language)
    token = legacy_tokens.build(project, **values)
    named = {"version": "006", "app_id": project.app_id, "certificate": project.certificate, "token": token}
    answer = ask({**named, **values})
    assert answer["valid"]
    assert answer["minted"] == token
    assert {int(number): end for number, end in answer["privileges"].items()} == values["privileges"]
    assert (answer["expires_at"], answer["salt"]) == (values["expires_at"], values["salt"])
    theirs = legacy_tokens.read(answer["minted"])
    assert theirs.signature_valid(project.certificate, values["channel"], values["uid"])
