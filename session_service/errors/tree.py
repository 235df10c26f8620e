"""The root of all errors, and what is wrong with values: settings, tokens, and whatever else Agora has rules for."""

from typing import ClassVar


class ServiceError(Exception):
    """The root. `str(error)` is the log text; `public` is all that a caller sees."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    public: ClassVar[str] = "Something went wrong on our side. Retry, and give the request id to the operator."

    def __init__(self, log: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(log or self.public)
        self.retry_after = retry_after
        """Whole seconds after which a retry makes sense (RFC 9110, 10.2.3), or None where it makes none."""
        self.log_text = log or None
        """What the log is told beyond the code, or None."""


class InvalidValue(ServiceError, ValueError):
    """A value breaks a rule of Agora or of ours. The text names the rule and never the value."""

    code = "invalid_value"


class UnreadableToken(InvalidValue):
    """A text is no token of the version it was read as: cut, mistyped, or of another kind."""


class SettingsError(ServiceError):
    """The service may not start with these settings; the text holds every problem, a line each."""

    code = "settings"
