"""How agents that are gone have ended, for as long as somebody may ask.

Decided here: how many ends are remembered. Used by the launchers whose agents are this process's own.
"""

from collections import OrderedDict

from session_service.agents.contract import UNKNOWN, AgentState

REMEMBERED = 1000


class ExitCodes:
    """The exit codes of the last thousand agents, by name."""

    def __init__(self) -> None:
        self._codes: OrderedDict[str, int] = OrderedDict()

    def add(self, name: str, code: int) -> None:
        """Remember an end, and forget the oldest where there are too many."""
        self._codes[name] = code
        if len(self._codes) > REMEMBERED:
            self._codes.popitem(last=False)  # a plain dict looks for its first entry through all that were deleted

    def state(self, name: str) -> AgentState:
        """`exited` with its code, or `unknown`."""
        code = self._codes.get(name)
        return UNKNOWN if code is None else AgentState("exited", code)
