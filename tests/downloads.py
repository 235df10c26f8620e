"""`python -m tests.downloads`: everything that tests in .venv would fetch, fetched before them.

Called by .ci/run, which calls it again when a download fails: a test has no second try. What is there already is left
as it is. Not fetched here: what tests are about fetching (make dev, the image).
"""

from tests.examples import test_agora_sdk_sources
from tests.interop import official
from tests.standins import toxiproxy


def main() -> None:
    """Raise what the first download raises that fails."""
    official.node_packages()
    official.java_packages()
    test_agora_sdk_sources.downloaded()
    toxiproxy.PROGRAM.path()


if __name__ == "__main__":
    main()
