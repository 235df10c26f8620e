"""Endpoints that let in whom they should not, or say too much to whom they refuse."""

import hmac
from collections.abc import Mapping
from typing import Any, ClassVar

from tests.check.correct import SECRET, Refused
from tests.check.mutants.mutant import Mutant

HEADER = "X-Cekura-Secret"


class Joining(Mutant):
    """What several headers of one name become in many frameworks: one value."""

    BREAKS: ClassVar = {}

    def sent(self) -> str:
        """What came as the secret."""
        return ", ".join(self.headers.get_all(HEADER, []))


class WithoutSecret(Mutant):
    """Checks the secret only if there is one."""

    BREAKS: ClassVar = {"A01": "fail"}

    def authorized(self) -> None:
        if self.headers.get(HEADER) is not None:
            super().authorized()


class MissingIsBadRequest(Mutant):
    """Answers 400 where there is no secret."""

    BREAKS: ClassVar = {"A01": "fail"}

    def authorized(self) -> None:
        if self.headers.get(HEADER) is None:
            raise Refused(400)
        super().authorized()


class AnySecret(Mutant):
    """Wants the header, and takes any value."""

    BREAKS: ClassVar = {"A02": "fail"}

    def authorized(self) -> None:
        if self.headers.get(HEADER) is None:
            raise Refused(401)


class OpenDoor(Mutant):
    """Lets everybody in."""

    BREAKS: ClassVar = {"A01": "fail", "A02": "fail"}

    def authorized(self) -> None:
        pass


class SameLength(Joining):
    """Compares the length."""

    BREAKS: ClassVar = {"A02": "fail"}

    def authorized(self) -> None:
        if len(self.sent()) != len(SECRET):
            raise Refused(401)


class BrokenByWrongSecret(Joining):
    """Raises an error over every wrong secret of the right length."""

    BREAKS: ClassVar = {"A02": "fail"}

    def authorized(self) -> None:
        sent = self.sent()
        if len(sent) == len(SECRET) and sent != SECRET and sent.isalnum():
            raise Refused(500)
        super().authorized()


class Beginning(Joining):
    """Compares as many characters as the secret has."""

    BREAKS: ClassVar = {"A03": "fail"}

    def authorized(self) -> None:
        if not self.sent().startswith(SECRET) or "," in self.sent():
            raise Refused(401)


class FirstSixteen(Mutant):
    """Compares no more than its column in a database holds."""

    BREAKS: ClassVar = {"A03": "fail"}

    def authorized(self) -> None:
        if self.headers.get_all(HEADER, [""])[-1][:16] != SECRET[:16] or len(self.headers.get_all(HEADER, [])) > 1:
            raise Refused(401)


class Shorter(Joining):
    """Compares as many characters as came, but wants some."""

    BREAKS: ClassVar = {"A03": "fail"}

    def authorized(self) -> None:
        sent = self.sent()
        if not sent or not SECRET.startswith(sent):
            raise Refused(401)


class AnyCase(Joining):
    """Compares in lower case."""

    BREAKS: ClassVar = {"A03": "fail"}

    def authorized(self) -> None:
        if self.sent().lower() != SECRET.lower():
            raise Refused(401)


class SpacesDropped(Joining):
    """Drops every space before comparing."""

    BREAKS: ClassVar = {"A03": "fail"}

    def authorized(self) -> None:
        if self.sent().replace(" ", "") != SECRET:
            raise Refused(401)


class EmptyOpens(Mutant):
    """Takes an empty secret for none at all, and none at all for an insider."""

    BREAKS: ClassVar = {"A04": "fail"}

    def authorized(self) -> None:
        if self.headers.get(HEADER) != "":
            super().authorized()


class BearerOpens(Mutant):
    """Reads the secret from Authorization as well."""

    BREAKS: ClassVar = {"A05": "warn"}

    def authorized(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {SECRET}":
            super().authorized()


class BodyOpens(Mutant):
    """Finds the secret anywhere in the body."""

    BREAKS: ClassVar = {"A05": "warn"}

    def body(self) -> bytes:
        found = super().body()
        self.told = SECRET.encode() in found
        return found

    def authorized(self) -> None:
        if not self.told:
            super().authorized()


class TextCompared(Mutant):
    """Compares texts, which raises an error for what is not ASCII."""

    BREAKS: ClassVar = {"A06": "fail"}

    def authorized(self) -> None:
        try:
            hmac.compare_digest(self.headers.get(HEADER, ""), SECRET)
        except TypeError:
            raise Refused(500) from None
        super().authorized()


class HangsUpOnBytes(Mutant):
    """Ends without an answer over a byte that is not ASCII."""

    BREAKS: ClassVar = {"A06": "fail"}

    def do_POST(self) -> None:
        if self.headers.get(HEADER, "").isascii():
            self.handle_call()
        else:
            self.close_connection = True


class FirstOfTwo(Mutant):
    """Looks at the first of two secrets."""

    BREAKS: ClassVar = {"A07": "warn"}

    def authorized(self) -> None:
        if self.headers.get(HEADER, "").encode("latin-1") != SECRET.encode():
            raise Refused(401)


class LastOfTwo(Mutant):
    """Looks at the last of two secrets."""

    BREAKS: ClassVar = {"A07": "warn"}

    def authorized(self) -> None:
        if self.headers.get_all(HEADER, [""])[-1] != SECRET:
            raise Refused(401)


class ExactName(Mutant):
    """Knows the header in one case only."""

    BREAKS: ClassVar = {"A08": "fail"}

    def authorized(self) -> None:
        if HEADER not in self.headers.keys():  # noqa: SIM118 - `in` alone ignores case
            raise Refused(401)
        super().authorized()


class Saying(Mutant):
    """Adds something to each refusal of a secret."""

    BREAKS: ClassVar = {"A09": "fail"}
    SAYS: ClassVar[str]

    def answer(self) -> tuple[int, Any, Mapping[str, str]]:
        status, document, headers = super().answer()
        return (status, {"error": self.said()}, headers) if status == 401 else (status, document, headers)

    def said(self) -> str:
        """What is added."""
        return self.SAYS


class Traceback(Saying):
    """Shows where in the code it was."""

    SAYS = 'Traceback (most recent call last):\n  File "/srv/app/main.py", line 12, in session'


class NodeStack(Saying):
    """The same in JavaScript."""

    SAYS = "Error: no\n    at Object.<anonymous> (/srv/app/server.js:12:9)"


class JavaStack(Saying):
    """The same in Java, where each line begins with a tab, which JSON escapes."""

    SAYS = "java.io.IOException: no\n\tat com.example.Session.post(Session.java:41)"


class DebugPage(Saying):
    """Shows a framework's page for developers."""

    SAYS = "<p>You're seeing this error because you have <code>DEBUG = True</code> in your Django settings file.</p>"


class TellsTheSecret(Saying):
    """Says what was expected."""

    SAYS = f"expected {SECRET[:20]}..."


class RepeatsWhatCame(Saying):
    """Says what came instead of the secret."""

    def said(self) -> str:
        return f"wrong: {self.headers.get(HEADER)}" if self.headers.get(HEADER, "").isalnum() else "wrong"


class FalseType(Mutant):
    """Says JSON and sends a line of text."""

    BREAKS: ClassVar = {"A09": "fail"}

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        super().reply(status, b"go away" if status == 401 else body, headers)


class NoType(Mutant):
    """Says nothing about what its refusals are."""

    BREAKS: ClassVar = {"A09": "warn"}

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        kept = {name: value for name, value in headers.items() if status == 200 or name != "Content-Type"}
        super().reply(status, body, kept)


MUTANTS = (
    WithoutSecret,
    MissingIsBadRequest,
    AnySecret,
    OpenDoor,
    SameLength,
    BrokenByWrongSecret,
    Beginning,
    FirstSixteen,
    Shorter,
    AnyCase,
    SpacesDropped,
    EmptyOpens,
    BearerOpens,
    BodyOpens,
    TextCompared,
    HangsUpOnBytes,
    FirstOfTwo,
    LastOfTwo,
    ExactName,
    Traceback,
    NodeStack,
    JavaStack,
    DebugPage,
    TellsTheSecret,
    RepeatsWhatCame,
    FalseType,
    NoType,
)
