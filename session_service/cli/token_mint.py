"""`session-service token mint`: one token for a person who debugs, alone on standard output."""

import secrets
import time

import click

from session_service.agora import either_version, identifiers, token_report
from session_service.agora.either_version import ANY_UID
from session_service.agora.identifiers import MAX_SALT
from session_service.cli import credentials, running
from session_service.errors import InvalidValue


@click.command("mint")
@click.option("--version", type=click.Choice(either_version.VERSIONS), default="007", show_default=True)
@click.option("--channel", required=True, metavar="NAME", help="The channel that it opens.")
@click.option("--uid", type=int, metavar="N", help="The uid that it admits; the tester's is 1.")
@click.option("--account", metavar="TEXT", help="A user account instead of a uid.")
@click.option("--any-uid", is_flag=True, help="Admit any uid. Whoever has such a token can join as anybody.")
@click.option("--role", type=click.Choice(list(either_version.ROLES)), default="publisher", show_default=True)
@click.option("--lifetime", type=int, metavar="SECONDS", default=3600, show_default=True, help="At most 86400.")
def command(
    *, version: str, channel: str, uid: int | None, account: str | None, any_uid: bool, role: str, lifetime: int
) -> None:
    """Mint a token and print it alone.

    App ID and certificate come from AGORA_APP_ID and AGORA_APP_CERTIFICATE, or from the files that AGORA_APP_ID_FILE
    and AGORA_APP_CERTIFICATE_FILE name.
    """
    try:
        user = _user(uid, account, any_uid)
        issued_at, salt = int(time.time()), 1 + secrets.randbelow(MAX_SALT)
        project = credentials.project()
        token = either_version.mint(
            project, version, channel, user, role, issued_at=issued_at, lifetime=lifetime, salt=salt
        )
    except InvalidValue as error:
        running.give_up(str(error))
    print(token)


def _user(uid: int | None, account: str | None, any_uid: bool) -> str:
    """Whom the token admits, as a token writes it; InvalidValue where that is nobody, or more than one."""
    if any_uid and account is None and uid in (None, 0):
        return ANY_UID
    if any_uid or (uid is None) == (account is None):
        raise InvalidValue("Say whom the token admits, once: --uid N, --account TEXT, or --any-uid.")
    if uid == 0:
        raise InvalidValue("The uid 0 means any uid, so whoever has the token can join as anybody. If so: --any-uid.")
    return str(identifiers.uid(uid)) if uid is not None else _account(account or "")


def _account(account: str) -> str:
    if token_report.uid(account):
        raise InvalidValue("A token cannot tell a user account of digits alone from a uid. Give it with --uid.")
    return identifiers.user_account(account)
