"""Endpoints that take what they should refuse, refuse what they should take, or break over it."""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from tests.check.correct import CLIENT, Refused
from tests.check.mutants.mutant import Mutant


class GetBreaks(Mutant):
    """Breaks over the other method."""

    BREAKS: ClassVar = {"R02": "warn"}

    def routed(self) -> None:
        super().routed()
        if self.command == "GET":
            raise Refused(500)


class GetUnknown(Mutant):
    """Says 404 to a method that it does not serve, as many routers do."""

    BREAKS: ClassVar = {"R02": "warn"}

    def routed(self) -> None:
        if self.command == "GET":
            raise Refused(404)
        super().routed()


class GetIsHealth(Mutant):
    """Says by the other method that it lives, and no more."""

    BREAKS: ClassVar = {"R02": "warn"}

    def answer(self) -> tuple[int, Any, Mapping[str, str]]:
        status, document, headers = super().answer()
        return status, {"status": "ok"} if self.command == "GET" and status == 200 else document, headers


class GetWithoutAllow(Mutant):
    """Says 405 and not what it serves."""

    BREAKS: ClassVar = {"R02": "warn"}

    def routed(self) -> None:
        if self.command == "GET":
            raise Refused(405)
        super().routed()


class AnyForm(Mutant):
    """A client id of one unusable form counts as the right one."""

    BREAKS: ClassVar = {"R03": "fail"}
    FORM: ClassVar[object]

    def client_id(self, body: bytes) -> object:
        if self.command == "POST" and self.parsed(body).get("client_id", "absent") == self.FORM:
            return CLIENT
        return super().client_id(body)


class Absent(AnyForm):
    """None at all."""

    FORM = "absent"


class Empty(AnyForm):
    """An empty one."""

    FORM = ""


class Number(AnyForm):
    """A number."""

    FORM = 7


class Null(AnyForm):
    """Null."""

    FORM = None


class ListBreaks(Mutant):
    """Looks a list up in a dictionary."""

    BREAKS: ClassVar = {"R03": "fail"}

    def client_id(self, body: bytes) -> object:
        if isinstance(self.parsed(body).get("client_id"), list):
            raise Refused(500)
        return super().client_id(body)

    def parsed(self, body: bytes) -> dict[str, object]:
        return {} if self.command == "GET" else super().parsed(body)


class AnybodysId(Mutant):
    """Serves every client id, hostile ones as well."""

    BREAKS: ClassVar = {"R04": "warn"}

    def client_id(self, body: bytes) -> object:
        super().client_id(body)
        return CLIENT


class HostileId(Mutant):
    """Looks a client id up by what is left of it after cleaning."""

    BREAKS: ClassVar = {"R09": "fail"}

    def client_id(self, body: bytes) -> object:
        found = str(super().client_id(body))
        return CLIENT if "<script>" in found else found


class RefusesWith200(Mutant):
    """Says in the body alone that a client id is not served."""

    BREAKS: ClassVar = {"R03": "fail", "R04": "warn"}

    def answer(self) -> tuple[int, Any, Mapping[str, str]]:
        status, document, headers = super().answer()
        return status, document if self.served else {"error": "unknown client"}, headers

    def client_id(self, body: bytes) -> object:
        sent = parse_qs(urlsplit(self.path).query).get("client_id") if self.command == "GET" else [self.asked(body)]
        self.served = sent == [CLIENT]
        return CLIENT

    def asked(self, body: bytes) -> object:
        """The client id in a body, be it none."""
        return self.parsed(body).get("client_id")

    def routed(self) -> None:
        self.served = True
        super().routed()


class NamesTheKnown(Mutant):
    """Says which client ids there are."""

    BREAKS: ClassVar = {"R04": "warn"}

    def answer(self) -> tuple[int, Any, Mapping[str, str]]:
        status, document, headers = super().answer()
        return status, {"known": [CLIENT]} if status == 403 else document, headers


class BreaksOverBodies(Mutant):
    """Breaks over one kind of body."""

    BREAKS: ClassVar = {"R05": "fail"}

    def parsed(self, body: bytes) -> dict[str, object]:
        try:
            return super().parsed(body)
        except Refused:
            raise Refused(500 if self.breaks_over(body) else 400) from None

    def breaks_over(self, body: bytes) -> bool:
        """Whether it is that kind."""
        raise NotImplementedError


class Broken(BreaksOverBodies):
    """JSON that is cut off."""

    def breaks_over(self, body: bytes) -> bool:
        return body.startswith(b"{")


class Nothing(BreaksOverBodies):
    """No body."""

    def breaks_over(self, body: bytes) -> bool:
        return not body


class Array(BreaksOverBodies):
    """An array."""

    def breaks_over(self, body: bytes) -> bool:
        return body.startswith(b"[{")


class Deep(BreaksOverBodies):
    """What is nested deeply."""

    def breaks_over(self, body: bytes) -> bool:
        return body.startswith(b"[[")


class TakesAnArray(Mutant):
    """Takes the first of an array for the document."""

    BREAKS: ClassVar = {"R05": "fail"}

    def parsed(self, body: bytes) -> dict[str, object]:
        if body.startswith(b"[{"):
            body = body[1:-1]
        return super().parsed(body)


class NoMore(Mutant):
    """Refuses a field that it does not know."""

    BREAKS: ClassVar = {"R06": "warn"}

    def parsed(self, body: bytes) -> dict[str, object]:
        document = super().parsed(body)
        if set(document) > {"client_id"} and "padding" not in document:
            raise Refused(400)
        return document


class NoCharset(Mutant):
    """Wants the Content-Type to be the very text."""

    BREAKS: ClassVar = {"R06": "warn"}

    def routed(self) -> None:
        super().routed()
        if self.headers.get("Content-Type") not in ("application/json", None):
            raise Refused(415)


class Endless(Mutant):
    """Reads any body to its end."""

    BREAKS: ClassVar = {"R07": "warn"}
    MOST_BODY = 10_000_000


class BreaksOverSize(Mutant):
    """Breaks over a long body."""

    BREAKS: ClassVar = {"R07": "warn"}

    def body(self) -> bytes:
        try:
            return super().body()
        except Refused:
            raise Refused(500) from None


class Head(Mutant):
    """Treats HEAD as GET."""

    BREAKS: ClassVar = {"R08": "warn"}

    def routed(self) -> None:
        if self.command != "HEAD":
            super().routed()

    def client_id(self, body: bytes) -> object:
        return CLIENT if self.command == "HEAD" else super().client_id(body)


class Put(Mutant):
    """Takes PUT for POST."""

    BREAKS: ClassVar = {"R08": "warn"}
    METHODS = ("POST", "GET", "PUT")


class Trace(Mutant):
    """Sends back what came."""

    BREAKS: ClassVar = {"R08": "warn"}

    def do_TRACE(self) -> None:
        self.reply(200, str(self.headers).encode(), {"Content-Type": "message/http"})


class DeleteWithoutAllow(Mutant):
    """Says 405 and not what it serves."""

    BREAKS: ClassVar = {"R08": "warn"}

    def routed(self) -> None:
        if self.command == "DELETE":
            raise Refused(405)
        super().routed()


class Repeats(Mutant):
    """Says who is not served."""

    BREAKS: ClassVar = {"R09": "fail"}

    def answer(self) -> tuple[int, Any, Mapping[str, str]]:
        self.asked: object = None
        status, document, headers = super().answer()
        return status, {"error": f"no client {self.asked}"} if status == 403 else document, headers

    def client_id(self, body: bytes) -> object:
        self.asked = super().client_id(body)
        return self.asked


class RepeatsInHeader(Repeats):
    """The same in a header, line breaks and all."""

    def answer(self) -> tuple[int, Any, Mapping[str, str]]:
        status, _, headers = super().answer()
        told = {"X-Client": str(self.asked)} if status == 403 and str(self.asked).isascii() else {}
        return status, self.join_details() if status == 200 else {"error": "refused"}, {**headers, **told}


class BreaksOverIds(Mutant):
    """Uses the client id as the name of a file."""

    BREAKS: ClassVar = {"R09": "fail"}

    def client_id(self, body: bytes) -> object:
        found = str(super().client_id(body))
        if "/" in found:
            raise Refused(500)
        return found


MUTANTS = (
    GetBreaks,
    GetUnknown,
    GetIsHealth,
    GetWithoutAllow,
    Absent,
    Empty,
    Number,
    Null,
    ListBreaks,
    AnybodysId,
    RefusesWith200,
    NamesTheKnown,
    Broken,
    Nothing,
    Array,
    Deep,
    TakesAnArray,
    NoMore,
    NoCharset,
    Endless,
    BreaksOverSize,
    Head,
    Put,
    Trace,
    DeleteWithoutAllow,
    Repeats,
    RepeatsInHeader,
    BreaksOverIds,
    HostileId,
)
