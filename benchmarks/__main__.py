"""`make bench`: every benchmark in turn, each in a process of its own. Ends with 1 when one could not measure."""

import subprocess
import sys

from benchmarks.processes import ROOT, python

BENCHMARKS = ("mint", "context", "stages", "start", "http", "store", "stall", "starts", "check")


def main() -> None:
    """Run them all, whatever one of them says."""
    failed = False
    for name in BENCHMARKS:
        print(f"\n== {name}: python -m benchmarks.{name}\n", flush=True)
        failed |= subprocess.run(python("-m", f"benchmarks.{name}"), cwd=ROOT, check=False).returncode != 0
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
