"""Endpoints that send their callers elsewhere, or garble the connection."""

from collections.abc import Mapping
from typing import ClassVar

from tests.check.correct import PATH, Refused
from tests.check.mutants.mutant import Mutant


class ToLogin(Mutant):
    """Sends whoever is not known to a login."""

    BREAKS: ClassVar = {"T04": "fail"}

    def authorized(self) -> None:
        try:
            super().authorized()
        except Refused:
            raise Refused(302, Location="https://login.example.com/?next=1") from None


class ToSlash(Mutant):
    """Sends a wrong secret to the path with a slash."""

    BREAKS: ClassVar = {"T04": "fail"}

    def authorized(self) -> None:
        if self.headers.get("X-Cekura-Secret", "").isalnum():
            raise Refused(308, Location=f"{PATH}/")
        super().authorized()


class TooShort(Mutant):
    """Announces fewer bytes than its refusals have."""

    BREAKS: ClassVar = {"T06": "warn"}

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        extra = b"\n\n" if status == 401 and self.headers.get("Connection") == "keep-alive" else b""
        super().reply(status, body, headers)
        self.wfile.write(extra)


class CutsOff(Mutant):
    """Announces two bytes less than it sends."""

    BREAKS: ClassVar = {"T06": "warn", "S01": "fail"}

    def send_header(self, keyword: str, value: str) -> None:
        super().send_header(keyword, str(int(value) - 2) if keyword == "Content-Length" else value)


class Unread(Mutant):
    """Refuses before it has read the body, and leaves it for the next call."""

    BREAKS: ClassVar = {"T06": "warn"}

    def body(self) -> bytes:
        self.authorized()
        return super().body()


class HangsUp(Mutant):
    """Closes after each answer, and does not say so."""

    BREAKS: ClassVar = {"T06": "warn"}

    def do_POST(self) -> None:
        self.handle_call()
        self.close_connection = True


MUTANTS = (ToLogin, ToSlash, TooShort, CutsOff, Unread, HangsUp)
