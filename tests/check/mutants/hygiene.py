"""Endpoints beside which something is open, and those that tell of themselves."""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from tests.check.mutants.mutant import Mutant


class _Beside(Mutant):
    """Serves something else to whoever asks."""

    PATH: ClassVar[str]

    def answer(self) -> tuple[int, Any, Mapping[str, str]]:
        if self.command == "GET" and urlsplit(self.path).path == self.PATH:
            return 200, {"served": self.path}, {}
        return super().answer()


class Metrics(_Beside):
    """Serves metrics."""

    BREAKS: ClassVar = {"H01": "warn"}
    PATH: ClassVar = "/metrics"


class OpenList(_Beside):
    """Serves a list of agents, as an agent server that should not be public."""

    BREAKS: ClassVar = {"H01": "warn"}
    PATH: ClassVar = "/list"


class EveryPath(Mutant):
    """Serves one page at every path but its own."""

    BREAKS: ClassVar = {"H01": "info"}

    def handle_call(self) -> None:
        if self.command == "GET" and urlsplit(self.path).path != "/session":
            self.reply(200, b"<html><div id=root></div></html>", {"Content-Type": "text/html"})
        else:
            super().handle_call()

    do_GET = handle_call


class _Telling(Mutant):
    """Says more in its headers."""

    BREAKS: ClassVar = {"H02": "info"}


class Banner(_Telling):
    """Says which software it is."""

    def common(self) -> Mapping[str, str]:
        return {"Server": "Werkzeug/3.0.1 Python/3.11"}


class Powered(_Telling):
    """Says what it is built with."""

    def common(self) -> Mapping[str, str]:
        return {"X-Powered-By": "Express"}


class Shared(_Telling):
    """Lets any website read the answer."""

    def common(self) -> Mapping[str, str]:
        return {"Access-Control-Allow-Origin": "*"}


class Nameless(_Telling):
    """Names no call."""

    def send_header(self, keyword: str, value: str) -> None:
        if keyword != "X-Request-Id":
            super().send_header(keyword, value)


MUTANTS: tuple[type[Mutant], ...] = (Metrics, OpenList, EveryPath, Banner, Powered, Shared, Nameless)
