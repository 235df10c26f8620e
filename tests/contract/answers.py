"""One HTTP answer as the tests look at it, wherever it came from."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers in their order (names in lower case) and the whole body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for header, value in self.headers if header == name]

    def header(self, name: str) -> str | None:
        """The one value of a header, or None."""
        found = self.all(name)
        assert len(found) <= 1, f"{name} is there {len(found)} times"
        return found[0] if found else None

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a refusal."""
        return str(self.json()["error"]["code"])

    @property
    def request_id(self) -> str:
        """The id of the header, which must be there."""
        found = self.header("x-request-id")
        assert found
        return found

    def without_request_id(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """Everything that must be equal where two refusals may not be told apart."""
        own = self.request_id
        headers = [(name, value) for name, value in self.headers if name not in ("x-request-id", "date")]
        return self.status, headers, self.body.replace(own.encode(), b"")
