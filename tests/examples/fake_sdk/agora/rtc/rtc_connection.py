"""One connection, and the tester at its other end: a thread of the SDK that lives through one call."""

import hashlib
import threading
from typing import Any

from agora import HABIT, HEARD
from agora.rtc.agora_base import SDK_THREAD, AudioFrame, EncryptionConfig, RTCConnInfo, called, rule, say
from agora.rtc.audio_frame_observer import IAudioFrameObserver
from agora.rtc.local_user import LocalUser

TESTER, STRANGER, AGENT = "1", "99", "4711"
OTHER = AGENT if HABIT in HEARD else TESTER
FRAMES = 50
_BAD_LENGTH = -1002
_INVALID_TOKEN, _SAME_UID = 8, 19
_QUIT, _DROPPED = 0, 1


class RTCConnection:
    """Knows what was called, in which order, and what was said."""

    def __init__(self) -> None:
        self.released = False
        self._calls: list[str] = []
        self._observer: Any = None
        self._audio: Any = None
        self._user = LocalUser()
        self._tokens: list[str] = []
        self._said = bytearray()
        self._changed = threading.Condition()

    def register_observer(self, conn_observer: object) -> int:
        """Before connecting, or the news of it would be lost."""
        self._call("register_observer", after=[], before="connect")
        self._observer = conn_observer
        return 0

    def enable_encryption(self, enabled: int, config: EncryptionConfig) -> int:
        """Before connecting; the salt is 32 raw bytes, or none."""
        self._call("enable_encryption", after=[], before="connect")
        salt = config.encryption_kdf_salt
        rule(enabled == 1, "encryption is enabled by 1")
        rule(salt is None or (isinstance(salt, bytearray) and len(salt) == 32), "the salt is 32 raw bytes")
        digest = hashlib.sha256(config.encryption_key.encode() + bytes(salt or b"")).hexdigest()
        say(f"mode {config.encryption_mode}, key and salt {digest}")
        return -2 if HABIT == "unwilling" else 0

    def connect(self, token: str, chan_id: str, user_id: str) -> int:
        """Begins the call on the SDK's own thread. The uid is text, and not the tester's."""
        self._call("connect", after=["register_observer"], before="connect")
        rule(bool(token) and bool(chan_id), "a token and a channel are needed")
        self._tokens.append(token)
        rule(isinstance(user_id, str) and user_id.isdecimal() and user_id not in (OTHER, "0"), "a uid of one's own")
        threading.Thread(target=self._live, name=SDK_THREAD, daemon=True).start()
        return 0

    def get_local_user(self) -> LocalUser:
        """At any time."""
        called("get_local_user")
        return self._user

    def register_audio_frame_observer(self, observer: IAudioFrameObserver, enable_vad: int, vad_configure: None) -> int:
        """After the form is set, without the SDK's voice detection."""
        self._call("register_audio_frame_observer", after=[], before="disconnect")
        rule(self._user.form_is_set and (enable_vad, vad_configure) == (0, None), "16 kHz mono, and nothing but PCM")
        self._audio = observer
        self._notify()
        return 0

    def publish_audio(self) -> int:
        """After connecting."""
        self._call("publish_audio", after=["connect"], before="disconnect")
        self._notify()
        return 0

    def push_audio_pcm_data(self, data: bytearray, sample_rate: int, channels: int) -> int:
        """After publishing, from a writable buffer of whole milliseconds."""
        called("push_audio_pcm_data")
        rule("publish_audio" in self._calls and "disconnect" not in self._calls, "audio goes into a published track")
        rule(isinstance(data, bytearray), "the SDK wants a writable buffer")
        if len(data) % 32 != 0 or (sample_rate, channels) != (16000, 1):
            return _BAD_LENGTH
        self._said += data
        self._notify()
        return 0

    def renew_token(self, token: str) -> int:
        """While connected."""
        called("renew_token")
        rule("connect" in self._calls and "disconnect" not in self._calls, "a token is renewed in the channel")
        rule(bool(token) and token not in self._tokens, "the token is a fresh one")
        self._tokens.append(token)
        say(f"renewed {token}")
        self._notify()
        return 0

    def disconnect(self) -> int:
        """Once."""
        self._call("disconnect", after=[], before="disconnect")
        return 0

    def release(self) -> None:
        """After disconnecting."""
        self._call("release", after=["disconnect"], before="release")
        if HABIT == "hangs":
            threading.Event().wait()
        self.released = True

    def _call(self, name: str, after: list[str], before: str) -> None:
        called(name)
        rule(all(earlier in self._calls for earlier in after), f"{name} comes after {after}")
        rule(before not in self._calls, f"{name} comes before {before}")
        self._calls.append(name)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _live(self) -> None:
        if HABIT == "strands":
            return
        if HABIT == "refuses":
            self._observer.on_connection_failure(self, RTCConnInfo(state=5), _INVALID_TOKEN)
            return
        self._observer.on_connected(self, RTCConnInfo(), 1)
        if HABIT in HEARD:
            self._be_an_agent()
            return
        self._observer.on_user_joined(self, TESTER)
        if HABIT == "returns":
            self._converse()
            self._observer.on_user_left(self, TESTER, _DROPPED)
            self._observer.on_user_joined(self, TESTER)
        if HABIT == "expires":
            self._observer.on_token_privilege_will_expire(self, self._tokens[-1])
            self._wait(lambda: len(self._tokens) > 1)
        if HABIT in ("leaves", "returns"):
            self._converse()
        if HABIT in ("leaves", "returns", "expires"):
            self._observer.on_user_left(self, TESTER, _QUIT)

    def _converse(self) -> None:
        """Talk, beside a stranger, and wait for the echo of what the tester said and of nothing else."""
        self._wait(lambda: self._audio is not None and "publish_audio" in self._calls)
        self._said.clear()
        said = b""
        for number in range(FRAMES):
            pcm = bytes([number]) * 320
            said += pcm
            self._hear(TESTER, pcm)
            self._hear(STRANGER, b"\xff" * 320)
        self._wait(lambda: len(self._said) >= len(said))
        rule(bytes(self._said) == said, "the echo is what the tester said")
        say("echo complete")

    def _be_an_agent(self) -> None:
        """Come as the agent does, to be heard by the tester."""
        if HABIT == "twin":
            self._observer.on_disconnected(self, RTCConnInfo(state=1), _SAME_UID)
        elif HABIT != "empty":
            self._observer.on_user_joined(self, AGENT)
        if HABIT == "garbled":
            self._observer.on_encryption_error(self, 1)
        elif HABIT == "speaks":
            self._wait(lambda: self._audio is not None)
            self._hear(AGENT, b"\x01" * 320)

    def _hear(self, uid: str, pcm: bytes) -> None:
        frame = AudioFrame(buffer=bytearray(pcm))
        self._audio.on_playback_audio_frame_before_mixing(self._user, "channel", uid, frame, -1, None)

    def _wait(self, reached: Any) -> None:
        with self._changed:
            self._changed.wait_for(reached)
