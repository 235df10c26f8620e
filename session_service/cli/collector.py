"""How often this process looks for cyclic garbage. Called by `running`, once what lives as long as the process is made.

Decided here: CPython's defaults are for programs that end. Its collector goes through what has survived a first look
after every tenth one, and now and then through all there is, modules included: with a thousand sessions either holds
the event loop for 50 to 100 ms, which is where the slowest call of a hundred waited (docs/performance.md). A session's
life makes few cycles, so there is little to find.
"""

import gc

YOUNG = 700
"""New container objects, beyond those freed again, before the new ones are looked at: a millisecond."""
LOOKS = 20
"""Looks at new objects before those that survived them are looked at: garbage waits that long, by the megabyte."""


def settle() -> None:
    """Leave out of every later collection what exists now, and collect more rarely. Reference counts free as before.

    What is garbage by now stays: a start makes some thirty objects of it, which do not pay for a collection.
    """
    gc.freeze()
    gc.set_threshold(YOUNG, LOOKS, *gc.get_threshold()[2:])
