"""Runs a module where Agora's SDK finds a stand-in for its native library: python fake_native.py MODULE ARGUMENT...

Decided here: what that library does. It converts arguments as the SDK's declarations ask for, takes the observers, and
plays one call: it joins, a tester speaks, waits for its echo, and leaves. Every line of the SDK itself is the SDK's.
"""

import ctypes
import hashlib
import importlib
import runpy
import sys
import threading
import urllib.request
import zipfile
from collections.abc import Callable
from typing import Any

LIBRARIES = ("agora_sdk/libagora_rtc_sdk.so", "agora_sdk/libaosl.so", "agora_sdk/libAgoraRtcKit.dylib")
FRAMES = 20
TESTER = b"1"
HANDLE = 1


def say(line: str) -> None:
    """Tell the test, through the worker's output."""
    sys.stdout.write(f"native: {line}\n")
    sys.stdout.flush()


class Call:
    """What the SDK told the library, and the tester's side of the conversation."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._audio: Any = None
        self._said = bytearray()
        self._changed = threading.Condition()

    def functions(self) -> dict[str, Callable[..., int]]:
        """The functions that do something; every other one succeeds."""
        return {
            "agora_rtc_conn_register_observer": self.register_connection_observer,
            "agora_local_user_register_audio_frame_observer": self.register_audio_observer,
            "agora_rtc_conn_enable_encryption": self.enable_encryption,
            "agora_rtc_conn_connect": self.connect,
            "agora_audio_pcm_data_sender_send": self.send,
        }

    def register_connection_observer(self, _: int, observer: Any) -> int:
        """Keep the structure of callbacks."""
        self._connection = observer
        return 0

    def register_audio_observer(self, _: int, observer: Any) -> int:
        """Keep it, and let the tester speak."""
        with self._changed:
            self._audio = observer
            self._changed.notify_all()
        return 0

    def enable_encryption(self, _: int, enabled: int, config: Any) -> int:
        """Show what arrived in the C structure."""
        given = config._obj  # what ctypes.byref was given
        digest = hashlib.sha256(given.encryption_key + bytes(given.encryption_kdf_salt)).hexdigest()
        say(f"mode {given.encryption_mode}, key and salt {digest}")
        return 0 if enabled else -1

    def connect(self, *_: object) -> int:
        """Begin the call on a thread of the library."""
        threading.Thread(target=self._live, daemon=True).start()
        return 0

    def send(self, _: int, data: Any, *form: Any) -> int:
        """Take audio: `form` is two times, then samples, bytes in each, channels and rate."""
        samples, size, channels, rate = form[2:]
        if (size, channels, rate) != (2, 1, 16000):
            return -1
        with self._changed:
            self._said += ctypes.string_at(data, samples * size)
            self._changed.notify_all()
        return 0

    def _live(self) -> None:
        structures = importlib.import_module("agora.rtc._ctypes_handle._ctypes_data")
        info = structures.RTCConnInfoInner(channel_id=b"channel", local_user_id=b"7")
        self._connection.on_connected(HANDLE, ctypes.pointer(info), 1)
        self._connection.on_user_joined(HANDLE, TESTER)
        self._wait(lambda: self._audio is not None)
        said = b"".join(self._speak(structures, bytes([number]) * 320) for number in range(FRAMES))
        self._wait(lambda: len(self._said) >= len(said))
        say("echo complete" if bytes(self._said) == said else "another echo")
        self._connection.on_user_left(HANDLE, TESTER, 0)

    def _speak(self, structures: Any, pcm: bytes) -> bytes:
        buffer = ctypes.create_string_buffer(pcm, len(pcm))
        frame = structures.AudioFrameInner(
            samples_per_channel=160,
            bytes_per_sample=2,
            channels=1,
            samples_per_sec=16000,
            buffer=ctypes.addressof(buffer),
        )
        self._audio.on_playback_audio_frame_before_mixing(HANDLE, b"channel", TESTER, ctypes.pointer(frame))
        return pcm

    def _wait(self, reached: Callable[[], bool]) -> None:
        with self._changed:
            self._changed.wait_for(reached)


class Function:
    """One function of the library. The SDK declares its types; a call is held to them as ctypes holds it."""

    def __init__(self, action: Callable[..., int] | None) -> None:
        self.restype: Any = ctypes.c_int
        self.argtypes: list[Any] | None = None
        self._action = action

    def __call__(self, *arguments: Any) -> int:
        """Convert the arguments, and do it."""
        for wanted, given in zip(self.argtypes or [], arguments, strict=self.argtypes is not None):
            wanted.from_param(given)
        if self._action is not None:
            return self._action(*(getattr(given, "value", given) for given in arguments))
        return HANDLE if self.restype is ctypes.c_void_p else 0


class Library:
    """Has every function that it is asked for, and one call."""

    _actions = Call().functions()

    def __init__(self, path: str) -> None:
        self._path = path

    def __getattr__(self, name: str) -> Function:
        """Make the function, once."""
        function = Function(self._actions.get(name))
        setattr(self, name, function)
        return function


def retrieve(url: str, path: str, reporthook: object = None) -> None:
    """In place of the download: an archive of empty files, so that the SDK finds what it looks for."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in LIBRARIES:
            archive.writestr(name, b"")


if __name__ == "__main__":
    ctypes.CDLL = Library  # type: ignore[assignment,misc]
    urllib.request.urlretrieve = retrieve  # type: ignore[assignment]
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
