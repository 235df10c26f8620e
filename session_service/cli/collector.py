"""How often this process looks for cyclic garbage. Called by `running`, once what lives as long as the process is made.

Decided here: CPython's defaults are for programs that end. Its collector looks at new objects after every 700 of them,
several times a start of an agent, and now and then at all there are, modules included: with a thousand sessions that
holds the event loop for 50 to 100 ms, which is where the slowest call of a hundred waited (docs/performance.md).
"""

import gc

NEW_OBJECTS = 10_000
"""Container objects made, and not freed again, before the young ones are looked at: a megabyte or two at most."""


def settle() -> None:
    """Leave out of every later collection what exists now, and collect more rarely. Reference counts free as before.

    What is garbage by now stays: a start makes some thirty objects of it, which do not pay for a collection.
    """
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
