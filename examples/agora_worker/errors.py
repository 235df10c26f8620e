"""Why a session cannot be served. Decided here: that there is one such error, and that it is one sentence."""


class CannotServe(Exception):
    """Its text is the sentence that the worker ends with. It never holds a token, a key or a salt."""
