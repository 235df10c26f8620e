"""What may listen where an endpoint was expected, each in a thread: `Stranger`s are told a connection, and answer as
they do. No one of them starts a session."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Stranger = Callable[[socket.socket, threading.Event], None]
"""Has one connection until the event says that the test is over."""

_SECONDS = 60.0


def saying(answer: bytes) -> Stranger:
    """Reads a call's head and gives this answer, whatever was asked."""

    def stranger(connection: socket.socket, over: threading.Event) -> None:
        _head(connection)
        connection.sendall(answer)

    return stranger


def answering(status: str, body: bytes = b"", *headers: str) -> Stranger:
    """Gives this HTTP answer, of full length, as a web server does."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return saying("\r\n".join(lines).encode() + body)


def endless(begin: bytes, piece: bytes, most: int = 1 << 40) -> Stranger:
    """Begins, and goes on for as long as somebody reads; at most so many bytes."""

    def stranger(connection: socket.socket, over: threading.Event) -> None:
        _head(connection)
        connection.sendall(begin)
        sent = 0
        while sent < most and not over.is_set():
            connection.sendall(piece)
            sent += len(piece)

    return stranger


def greeting(banner: bytes) -> Stranger:
    """Speaks first, as ssh and mail servers do, and closes on what it does not understand."""

    def stranger(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(banner)
        _head(connection)

    return stranger


def silent(connection: socket.socket, over: threading.Event) -> None:
    """Takes the connection, and says nothing."""
    over.wait(_SECONDS)


def dripping(connection: socket.socket, over: threading.Event) -> None:
    """Answers a byte at a time, each of them soon."""
    _head(connection)
    for byte in b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n" + b" " * 9999:
        connection.sendall(bytes([byte]))
        if over.wait(0.05):
            return


@contextmanager
def listening(stranger: Stranger, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port on which it has each connection that comes, in a thread of its own."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        thread = threading.Thread(target=_accepted, args=(server, stranger, tls, over), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        server.shutdown(socket.SHUT_RDWR)
        thread.join(_SECONDS)


def _accepted(server: socket.socket, stranger: Stranger, tls: ssl.SSLContext | None, over: threading.Event) -> None:
    threads: list[threading.Thread] = []
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            threads.append(threading.Thread(target=_served, args=(connection, stranger, tls, over), daemon=True))
            threads[-1].start()
    for thread in threads:
        thread.join(_SECONDS)


def _served(connection: socket.socket, stranger: Stranger, tls: ssl.SSLContext | None, over: threading.Event) -> None:
    connection.settimeout(_SECONDS)
    with contextlib.suppress(OSError), connection:
        spoken = tls.wrap_socket(connection, server_side=True) if tls else connection
        with spoken:
            stranger(spoken, over)


def _head(connection: socket.socket) -> None:
    """Read up to the end of a call's head; what is not a call is read to its end."""
    read = b""
    while b"\r\n\r\n" not in read and (more := connection.recv(65536)):
        read += more


@contextmanager
def black_hole() -> Iterator[int]:
    """A port whose queue of connections is full and from which nobody takes one: new ones are dropped."""
    with contextlib.ExitStack() as stack, socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            one = stack.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        yield server.getsockname()[1]


@contextmanager
def closed() -> Iterator[int]:
    """A port that is taken, and on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
