"""What settings must hold to, from the rooms that know: Agora's for its values, the launchers' for theirs.

Decided here: which room is asked about which setting. Handed to `settings.load` by the command line; a launcher's
module is imported when a setting of its own is read, and not before.
"""

from session_service.agora import conversational_ai, encryption, identifiers
from session_service.settings import Rules


def _loadable(text: str) -> object:
    """Import the callable now: a name that leads nowhere is a problem of the settings, not of the first call."""
    from session_service.agents.python import load_callable

    return load_callable(text)


def _readable_template(path: str) -> object:
    from session_service.agents.convoai_body import load_template

    return load_template(path)


def _readable_ten_template(path: str) -> object:
    from session_service.agents.ten_body import load_template

    return load_template(path)


def _callable_url(text: str) -> object:
    from session_service.agents.outgoing import checked_url

    return checked_url(text)


def _store_place(path: str) -> str:
    from session_service.sessions.store.file import check_place

    return check_place(path)


def _signing_secret(text: str) -> str:
    from session_service.agents.signing import checked_secret

    return checked_secret(text)


RULES = Rules(
    app_id=identifiers.app_id,
    certificate=identifiers.app_certificate,
    uid=identifiers.uid,
    channel_prefix=identifiers.channel_prefix,
    encryption_mode=encryption.mode,
    master_key=encryption.master_key,
    agent_callable=_loadable,
    convoai_template=_readable_template,
    convoai_area=conversational_ai.base_url,
    base_url=_callable_url,
    signing_secret=_signing_secret,
    ten_template=_readable_ten_template,
    store_place=_store_place,
    longest_convoai_idle=conversational_ai.LONGEST_IDLE,
    longest_lifetime=identifiers.MAX_LIFETIME,
)
"""What settings must hold to, from the rooms that know."""
