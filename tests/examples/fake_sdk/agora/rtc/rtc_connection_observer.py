"""What the worker derives its connection observer from; it overrides every callback that the stand-in makes."""


class IRTCConnectionObserver:
    """Names no callback, so that one which the worker forgot fails."""
