"""How often this process looks for cyclic garbage. Called by `running`, once what lives as long as the process is made.

Decided here: CPython's defaults are for programs that end. Its collector goes through what has survived a first look
after every tenth one, and now and then through all there is, modules included: with a thousand sessions either holds
the event loop for 50 to 100 ms, which is where the slowest call of a hundred waited (docs/performance.md). What a
session and a connection take is freed without it (tests/cycles.py), but for what stamina holds of a request to Agora,
and of the start that failed with it: some hundred objects at most. A callable of the customer's, which runs in this
process, promises nothing of the kind.
"""

import gc

YOUNG = 700
"""New container objects, beyond those freed again, before the new ones are looked at: a millisecond."""
LOOKS = 300
"""Looks at new objects before those that survived them are looked at. Were they garbage, they would be tens of
megabytes by then."""


def settle(*, guests: bool) -> None:
    """Leave out of every later collection what exists now, and collect more rarely. Reference counts free as before.

    With `guests`, code that is not ours, what survives is looked at as often as by default. What is garbage by now
    stays: a start makes some thirty objects of it, which do not pay for a collection.
    """
    gc.freeze()
    if not guests:
        gc.set_threshold(YOUNG, LOOKS, *gc.get_threshold()[2:])
