"""The tester's seat in an Agora channel, as a program that `join` starts.

NOT RUN: the SDK's native library, and any call on Agora's network. This was run against the Python sources of 2.4.10
with the native library replaced, and against a stand-in for the whole SDK.

Decided here: which calls of agora-python-server-sdk, in which order, and which of its callbacks are told. One JSON
object on a line of standard input says what to join; the end of standard input says to leave, so that whoever started
this and died leaves nobody in a channel. One JSON event a line goes to standard output: ready, joined, refused, error,
removed, unwilling, came, heard, undecipherable.

A process of its own, because importing `agora` may download the native library, replaces the process's default TLS
context with one that verifies nothing, and ends the process where the library is missing. Callbacks come on threads of
the SDK and may not call it: they tell an event and return. Names are those of 2.4.10.
"""

import json
import os
import sys
import threading
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, TextIO

from agora.rtc.agora_base import (
    AgoraServiceConfig,
    AudioFrame,
    AudioPublishType,
    AudioScenarioType,
    AudioSubscriptionOptions,
    ChannelProfileType,
    ClientRoleType,
    EncryptionConfig,
    RTCConnConfig,
    RtcConnectionPublishConfig,
    RTCConnInfo,
)
from agora.rtc.agora_service import AgoraService
from agora.rtc.audio_frame_observer import IAudioFrameObserver
from agora.rtc.local_user import LocalUser
from agora.rtc.rtc_connection import RTCConnection
from agora.rtc.rtc_connection_observer import IRTCConnectionObserver

_SCENARIO = AudioScenarioType.AUDIO_SCENARIO_CHORUS
_SAMPLE_RATE, _CHANNELS, _BYTES_PER_SAMPLE = 16000, 1, 2
_OUTPUT, _ERRORS = 1, 2


class Telling:
    """Writes events, each once, from whichever thread."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._lock, self._told = stream, threading.Lock(), set[str]()

    def __call__(self, event: str, **values: int | str) -> None:
        """Write one, unless the very same was written before: audio comes a hundred times a second."""
        line = json.dumps({"event": event, **values})
        with self._lock:
            if line not in self._told:
                self._told.add(line)
                self._stream.write(f"{line}\n")
                self._stream.flush()


class ConnectionObserver(IRTCConnectionObserver):
    """The SDK's news of the connection and of others in the channel."""

    def __init__(self, tell: Telling) -> None:
        self._tell = tell

    def on_connected(self, agora_rtc_conn: RTCConnection, conn_info: RTCConnInfo, reason: int) -> None:
        self._tell("joined")

    def on_disconnected(self, agora_rtc_conn: RTCConnection, conn_info: RTCConnInfo, reason: int) -> None:
        self._tell("removed", reason=reason)

    def on_connection_failure(self, agora_rtc_conn: RTCConnection, info: RTCConnInfo, reason: int) -> None:
        self._tell("removed", reason=reason)

    def on_user_joined(self, agora_rtc_conn: RTCConnection, user_id: str) -> None:
        self._tell("came", uid=user_id)

    def on_user_left(self, agora_rtc_conn: RTCConnection, user_id: str, reason: int) -> None:
        """Nothing: who came and went was there."""

    def on_error(self, agora_rtc_conn: RTCConnection, error_code: int, error_msg: str) -> None:
        self._tell("error", number=error_code)

    def on_encryption_error(self, agora_rtc_conn: RTCConnection, error_type: int) -> None:
        self._tell("undecipherable")


class AudioObserver(IAudioFrameObserver):
    """What each user says, before it is mixed with others."""

    def __init__(self, tell: Telling) -> None:
        self._tell = tell

    def on_playback_audio_frame_before_mixing(  # noqa: PLR0917 - the SDK calls it by position
        self,
        agora_local_user: LocalUser,
        channelId: str,
        uid: str,
        frame: AudioFrame,
        vad_result_state: int,
        vad_result_bytearray: bytearray | None,
    ) -> int:
        self._tell("heard", uid=uid)
        return 1


class Seat:
    """One seat in one channel, that hears and says nothing."""

    def __init__(self, tell: Telling) -> None:
        self._tell = tell
        self._service = AgoraService()
        self._connection: RTCConnection | None = None

    def take(self, details: Mapping[str, Any]) -> None:
        """Connect, with encryption enabled before; tell `unwilling` or `refused` where the SDK says no at once."""
        if not self._accepted(self._service.initialize(_service_config(details["app_id"]))):
            return
        connection = self._service.create_rtc_connection(_connection_config(), _publish_config())
        self._connection = connection
        connection.register_observer(ConnectionObserver(self._tell))
        encryption = details["encryption"]
        if encryption and connection.enable_encryption(1, _encryption_config(encryption)) != 0:
            self._tell("unwilling")
        elif self._accepted(connection.connect(details["token"], details["channel"], str(details["uid"]))):
            user = connection.get_local_user()
            user.set_playback_audio_frame_before_mixing_parameters(_CHANNELS, _SAMPLE_RATE)
            connection.register_audio_frame_observer(AudioObserver(self._tell), 0, None)

    def leave(self) -> None:
        """Disconnect and release."""
        if self._connection is not None:
            self._connection.disconnect()
            self._connection.release()
        self._service.release()

    def _accepted(self, code: int) -> bool:
        """Whether the SDK answered 0; else it is an error's number, mostly as a negative one."""
        if code != 0:
            self._tell("refused", number=abs(code))
        return code == 0


def _service_config(app_id: str) -> AgoraServiceConfig:
    return AgoraServiceConfig(
        appid=app_id,
        channel_profile=ChannelProfileType.CHANNEL_PROFILE_LIVE_BROADCASTING,
        audio_scenario=_SCENARIO,
        use_string_uid=0,
    )


def _connection_config() -> RTCConnConfig:
    return RTCConnConfig(
        auto_subscribe_audio=1,
        client_role_type=ClientRoleType.CLIENT_ROLE_BROADCASTER,
        channel_profile=ChannelProfileType.CHANNEL_PROFILE_LIVE_BROADCASTING,
        audio_subs_options=AudioSubscriptionOptions(
            pcm_data_only=1,
            bytes_per_sample=_BYTES_PER_SAMPLE,
            number_of_channels=_CHANNELS,
            sample_rate_hz=_SAMPLE_RATE,
        ),
    )


def _publish_config() -> RtcConnectionPublishConfig:
    return RtcConnectionPublishConfig(
        is_publish_audio=True, audio_publish_type=AudioPublishType.AUDIO_PUBLISH_TYPE_PCM, audio_scenario=_SCENARIO
    )


def _encryption_config(encryption: Mapping[str, Any]) -> EncryptionConfig:
    salt = encryption["salt"]
    return EncryptionConfig(
        encryption_mode=encryption["mode_number"],
        encryption_key=encryption["key"],
        encryption_kdf_salt=None if salt is None else bytearray(b64decode(salt)),
    )


def main() -> None:
    """Say that the SDK is here, join what a line of standard input says, and leave at its end."""
    tell = Telling(os.fdopen(os.dup(_OUTPUT), "w"))
    os.dup2(_ERRORS, _OUTPUT)  # what the SDK itself prints is no event
    tell("ready")
    line = sys.stdin.readline()
    if line:
        seat = Seat(tell)
        seat.take(json.loads(line))
        sys.stdin.read()
        seat.leave()


if __name__ == "__main__":
    main()
