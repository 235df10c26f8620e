"""A stand-in for agora-python-server-sdk, put on the path of a child process that the tests start.

Decided here: what the stand-in does, by the one word in the environment variable FAKE_AGORA; rtc/ holds the calls. It
fails wherever the SDK's documentation forbids a call: on a thread of the SDK, or out of order.
"""

import os
import sys

HABITS = {
    "leaves": "the tester talks, hears its echo and leaves",
    "returns": "the tester is lost after that, comes back, does it again and leaves",
    "expires": "the tester says nothing, and leaves when the agent has a fresh token in place of the one that ends",
    "stays": "the tester says nothing and never leaves",
    "hangs": "the same, and releasing never returns",
    "strands": "nobody answers the join",
    "refuses": "the join is refused because of the token",
    "unwilling": "encryption is not accepted",
    "missing": "there is no native library",
}
HEARD = {
    "speaks": "the other party comes and talks",
    "silent": "it comes and says nothing",
    "empty": "nobody comes",
    "garbled": "it comes, and cannot be deciphered",
    "twin": "it has the very uid of whoever joins",
}
"""Habits towards one who joins as the tester, and only hears: the other party is the agent."""
HABIT = os.environ.get("FAKE_AGORA", "leaves")
if HABIT not in HABITS | HEARD:
    raise ValueError(HABIT)
if HABIT == "missing":
    sys.exit(1)
