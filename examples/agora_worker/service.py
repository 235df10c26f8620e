"""What this worker tells the session service, and the fresh token that it asks it for.

Decided here: that no report ever holds up a call. Reports leave one after the other on a thread of their own, each with
a few seconds to be answered; one that is not is said on the log, and forgotten. Made by `__main__`, called by `worker`.
The requests are those of the docs/agents.md of the service ("Telling the service").
"""

import json
import logging
import ssl
import threading
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from queue import SimpleQueue
from typing import Any

from agora_worker.session import Report

ANSWER = 3.0
"""Seconds that the service has for an answer."""
_LONGEST_ANSWER = 64 * 1024

logger = logging.getLogger("agora_worker")

Fields = Mapping[str, Any]
Answered = Callable[[Fields], None]


class Service:
    """The service, as far as it wants to hear of this call; without a report it hears nothing."""

    def __init__(self, report: Report | None) -> None:
        self._wanted = report is not None
        self._said: SimpleQueue[tuple[Fields, Answered] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._send_all, args=(report,), name="reports", daemon=True)
        if report is not None:
            self._thread.start()

    def joined(self) -> None:
        """The tester is in the channel, for the first time or again."""
        self._say({"event": "joined"})

    def left(self, *, lost: bool) -> None:
        """The tester is not any more; `lost`: without a goodbye, so that it may come back."""
        self._say({"event": "left", "lost": True} if lost else {"event": "left"})

    def failed(self) -> None:
        """This worker cannot go on."""
        self._say({"event": "failed"})

    def renew(self, renewed: Callable[[str], None]) -> None:
        """Ask for a fresh token. `renewed` gets it on another thread, if it comes."""
        self._say({"event": "renew"}, lambda fields: renewed(str(fields["agora_token"])))

    def close(self, seconds: float) -> None:
        """Wait so long for what was said to be heard, and say nothing more."""
        self._said.put(None)
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _say(self, fields: Fields, answered: Answered = lambda _: None) -> None:
        if self._wanted:
            self._said.put((fields, answered))

    def _send_all(self, report: Report) -> None:
        opener = _opener()
        while (said := self._said.get()) is not None:
            _send(opener, report, *said)


def _opener() -> urllib.request.OpenerDirector:
    """HTTP and HTTPS alone: no proxy, no file, and a redirect is an error, because the token is for one address."""
    opener = urllib.request.OpenerDirector()
    # A context of our own, because importing Agora's SDK makes the process's default one verify nothing.
    opener.add_handler(urllib.request.HTTPSHandler(context=ssl.create_default_context()))
    opener.add_handler(urllib.request.HTTPHandler())
    opener.add_handler(urllib.request.HTTPErrorProcessor())
    opener.add_handler(urllib.request.HTTPDefaultErrorHandler())
    return opener


def _send(opener: urllib.request.OpenerDirector, report: Report, fields: Fields, answered: Answered) -> None:
    headers = {"Authorization": f"Bearer {report.token}", "Content-Type": "application/json"}
    try:
        request = urllib.request.Request(report.url, json.dumps(fields).encode(), headers, method="POST")  # noqa: S310 - see _opener
        with opener.open(request, timeout=ANSWER) as answer:
            answered(json.loads(answer.read(_LONGEST_ANSWER)))
    except (OSError, HTTPException, AttributeError, ValueError, KeyError, TypeError) as error:
        # Its class alone: its words may hold the URL.
        logger.warning("The service did not take the report %s (%s).", fields["event"], type(error).__name__)
