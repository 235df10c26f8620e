"""Objects of ours that only the cyclic collector would free.

A session and a connection leave none: what waits for the collector is memory that grows, and in a serving process it
looks rarely (session_service/cli/collector.py).
"""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

OURS = "session_service"


def name(one: object) -> str:
    """What an object is: its type, or the code that a frame runs."""
    if isinstance(one, FrameType):
        return f"frame of {one.f_globals.get('__name__', '')}.{one.f_code.co_qualname}"
    return f"{type(one).__module__}.{type(one).__qualname__}"


@contextmanager
def none_of_ours() -> Iterator[None]:
    """Fail when what happens within leaves one."""
    gc.collect()
    gc.disable()
    try:
        yield
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found = Counter(name(one) for one in gc.garbage if OURS in name(one))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert not found, f"left for the collector: {found}"
