"""What a mutant says of itself."""

from typing import ClassVar

from tests.check.correct import Correct


class Mutant(Correct):
    """A correct endpoint but for one step. `BREAKS` maps the checks that find it to their outcomes."""

    BREAKS: ClassVar[dict[str, str]]
    PROFILE: ClassVar[str] = "standard"
