"""A stand-in for agora-python-server-sdk, put on the path of a child process that the tests start.

Decided here: what the stand-in does, by the one word in the environment variable FAKE_AGORA; rtc/ holds the calls. It
fails wherever the SDK's documentation forbids a call: on a thread of the SDK, or out of order.
"""

import os
import sys

HABITS = ("leaves", "stays", "hangs", "dies", "strands", "refuses", "unwilling", "missing")
"""How the channel behaves. `leaves`: the tester talks, hears its echo and leaves. `stays`: it never leaves. `hangs`:
releasing never returns. `dies`: the tester's connection is lost. `strands`: nobody answers the join. `refuses`: the
join is refused for reason 8. `unwilling`: encryption is not accepted. `missing`: there is no native library."""

HABIT = os.environ.get("FAKE_AGORA", "leaves")
if HABIT not in HABITS:
    raise ValueError(HABIT)
if HABIT == "missing":
    sys.exit(1)
