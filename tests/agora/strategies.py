"""Valid values of every kind that a token can hold, for property tests."""

from hypothesis import strategies as st

from session_service.agora.identifiers import MAX_CHANNEL, MAX_LIFETIME, MAX_SALT, MAX_UID, Project
from session_service.agora.token_services import KINDS, PERMISSIONS, ROLE, TEXT, Kind, Service

CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !#$%&()+-:;<=.>?@[]^_{}|~,"

hex_32 = st.text("0123456789abcdefABCDEF", min_size=32, max_size=32)
projects = st.builds(Project, hex_32, hex_32)
channels = st.text(CHARACTERS, min_size=1, max_size=MAX_CHANNEL)
uids = st.integers(1, MAX_UID)
lifetimes = st.integers(1, MAX_LIFETIME)
salts = st.integers(1, MAX_SALT)
instants = st.integers(0, 2**32 - 1 - MAX_LIFETIME)

terms = st.fixed_dictionaries({"issued_at": instants, "lifetime": lifetimes, "salt": salts})

u16 = st.integers(0, 2**16 - 1)
u32 = st.integers(0, 2**32 - 1)
texts = st.text(st.characters(codec="utf-8"), max_size=80)
any_terms = st.fixed_dictionaries({"issued_at": u32, "lifetime": u32, "salt": u32})
privileges = st.dictionaries(u16, u32, max_size=6)
permissions = st.dictionaries(u16, st.dictionaries(u16, st.lists(texts, max_size=3).map(tuple), max_size=3), max_size=3)

_FIELDS = {TEXT: texts, ROLE: st.integers(-(2**15), 2**15 - 1), PERMISSIONS: permissions}


def services_of(kind: Kind) -> st.SearchStrategy[Service]:
    """Any service of that kind."""
    fields = st.fixed_dictionaries({name: _FIELDS[field] for name, field in kind.fields.items()})
    return st.builds(Service, st.just(kind), privileges, fields)


services = st.lists(st.sampled_from(list(KINDS.values())).flatmap(services_of), min_size=1, max_size=4)
