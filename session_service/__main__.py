"""The command `session-service`: says in a sentence what is missing, or hands over to `cli`."""

import io
import sys


def main() -> None:
    """Run the command line. Exits with 2 when the extra `service` is not installed."""
    try:
        import click  # noqa: F401 - only to see that it is there
    except ImportError:
        sys.stderr.write("session-service needs the extra `service`: pip install 'cekura-customer-kit[service]'\n")
        sys.exit(2)
    from session_service.cli import commands

    if sys.stdin is None:  # closed by who started us: then it reads as empty, and no command fails over it
        sys.stdin = io.TextIOWrapper(io.BytesIO())
    commands(prog_name="session-service")


if __name__ == "__main__":
    main()
