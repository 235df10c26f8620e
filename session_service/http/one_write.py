"""A connection's way out that costs one system call per turn of the event loop.

Decided here: uvicorn writes an answer's head and body separately, and each write goes to the socket at once, which is a
tenth of what a call costs. Here they wait for the end of the turn and leave together, in order. And how long a caller
may leave them unread once the connection is to end: a transport that is closed waits for that without bound. Used by
`connection`.
"""

import asyncio


class OneWrite(asyncio.Transport):
    """The transport as an HTTP connection sees it: everything in order, nothing later than the next turn."""

    def __init__(self, transport: asyncio.WriteTransport, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        """`patience` in seconds, for what is unread at the end."""
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._patience = patience
        self._waiting: list[bytes | bytearray | memoryview] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep data until the turn ends. The first that waits sees to that."""
        self._waiting.append(data)
        if len(self._waiting) == 1:
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Hand over what waits; uvloop refuses what comes after a caller has hung up, so that is left out."""
        data, self._waiting = b"".join(self._waiting), []
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Close when everything is out, or has been left unread for too long."""
        self.flush()
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._loop.call_later(self._patience, self.abort)

    def abort(self) -> None:
        """Close at once; what is not out is lost."""
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether the connection is closed, or about to be."""
        return self._transport.is_closing()
