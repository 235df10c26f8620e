"""What the collector of a serving process is told."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.real

ASKED = """
import gc
from session_service.cli import collector
ring = []; ring.append(ring); before = len(gc.get_objects())
collector.settle()
print(gc.get_freeze_count() >= before, len(gc.get_objects()) < 100)
print(gc.get_threshold()[:2] == (collector.YOUNG, collector.LOOKS), gc.isenabled())
"""


def test_what_the_start_made_is_not_looked_at_again() -> None:
    """In a process of its own, because it holds for the whole of one; new rings are still found."""
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"] * 4
