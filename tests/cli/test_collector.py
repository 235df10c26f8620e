"""What the collector of a serving process is told."""

import subprocess
import sys

import pytest

from session_service.cli import collector

pytestmark = pytest.mark.real

ASKED = """
import gc
from session_service.cli import collector
ring = []; ring.append(ring); before = len(gc.get_objects())
collector.settle(guests={guests})
print(gc.get_freeze_count() >= before, len(gc.get_objects()) < 100, gc.isenabled(), *gc.get_threshold()[:2])
"""


@pytest.mark.parametrize(("guests", "looks"), [(False, collector.LOOKS), (True, 10)])
def test_what_the_start_made_is_not_looked_at_again(guests: bool, looks: int) -> None:
    """In a process of its own, because it holds for the whole of one; a guest's rings are found as they were."""
    ask = [sys.executable, "-c", ASKED.format(guests=guests)]
    done = subprocess.run(ask, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"] * 3 + [str(collector.YOUNG), str(looks)]
