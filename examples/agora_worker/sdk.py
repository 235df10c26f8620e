"""A channel through Agora's Python server SDK: the only file that imports it.

NOT RUN: the SDK's native library, and any call on Agora's network. This file was run against the Python sources of
2.4.10 with the native library replaced, and against a stand-in for the whole SDK (README.md, "What was run").

Decided here: which calls of the SDK, in which order, and what its callbacks mean. Imported by `__main__` and only in a
process of its own: importing `agora` may download the native library, replaces the process's default TLS context with
one that verifies nothing, and ends the process where the library is missing.

Callbacks come on threads of the SDK and may not call it: they tell an event and return. The names are those of
agora-python-server-sdk 2.4.10; before 2.4.8 enable_encryption fails.
"""

import logging
import threading

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

from agora_worker import refusals
from agora_worker.audio import CHANNELS, SAMPLE_RATE
from agora_worker.channel import (
    Heard,
    Interrupted,
    Joined,
    Refused,
    Removed,
    Tell,
    TokenExpired,
    TokenWillExpire,
    UserJoined,
    UserLeft,
)
from agora_worker.errors import CannotServe
from agora_worker.session import Encryption, Session

LEAVING = 0.5
"""Seconds that the SDK gets to leave the channel and release what it holds."""

_QUIT = 0
_BYTES_PER_SAMPLE = 2

logger = logging.getLogger("agora_worker")


class AgoraChannel:
    """One seat in one channel of Agora; fulfils `channel.Channel`. One in a process: so the SDK wants it."""

    def __init__(self, session: Session, audio_scenario: int) -> None:
        self._session = session
        self._scenario = _scenario(audio_scenario)
        self._service: AgoraService | None = None
        self._connection: RTCConnection | None = None
        self._refused_audio = False

    def join(self, tell: Tell) -> None:
        """Connect, with encryption enabled before; observe and publish from the first moment."""
        session = self._session
        self._service = self._started_service()
        connection = self._service.create_rtc_connection(self._connection_config(), self._publish_config())
        self._connection = connection
        connection.register_observer(_ConnectionObserver(tell))
        if session.encryption is not None:
            _enable_encryption(connection, session.encryption)
        _demand(connection.connect(session.token, session.channel, str(session.uid)))
        connection.get_local_user().set_playback_audio_frame_before_mixing_parameters(CHANNELS, SAMPLE_RATE)
        connection.register_audio_frame_observer(_AudioObserver(tell), 0, None)
        connection.publish_audio()

    def send(self, pcm: bytes) -> None:
        """Push it; the SDK sends it at the pace of speech. What it does not take is lost, and said once."""
        if self._connection is None:
            return
        # A bytearray, because the SDK asks for a writable buffer of what it is given.
        error = self._connection.push_audio_pcm_data(bytearray(pcm), SAMPLE_RATE, CHANNELS)
        if error != 0 and not self._refused_audio:
            self._refused_audio = True
            logger.warning("Agora's SDK did not take audio to send: error %d.", error)

    def renew(self, token: str) -> None:
        """Hand it to the SDK, which goes on with it."""
        if self._connection is not None and self._connection.renew_token(token) != 0:
            logger.warning("Agora's SDK did not take the fresh token.")

    def leave(self) -> None:
        """Disconnect and release, on a thread that may hang without holding up the end of the process."""
        closing = threading.Thread(target=self._close, name="leave", daemon=True)
        closing.start()
        closing.join(LEAVING)
        if closing.is_alive():
            logger.warning("Agora's SDK did not leave the channel within %g s.", LEAVING)

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()
            connection.release()
        service, self._service = self._service, None
        if service is not None:
            service.release()

    def _started_service(self) -> AgoraService:
        service = AgoraService()
        config = AgoraServiceConfig(
            appid=self._session.app_id,
            channel_profile=ChannelProfileType.CHANNEL_PROFILE_LIVE_BROADCASTING,
            audio_scenario=self._scenario,
            use_string_uid=0,
        )
        _demand(service.initialize(config))
        return service

    def _connection_config(self) -> RTCConnConfig:
        return RTCConnConfig(
            auto_subscribe_audio=1,
            client_role_type=ClientRoleType.CLIENT_ROLE_BROADCASTER,
            channel_profile=ChannelProfileType.CHANNEL_PROFILE_LIVE_BROADCASTING,
            audio_subs_options=AudioSubscriptionOptions(
                pcm_data_only=1,
                bytes_per_sample=_BYTES_PER_SAMPLE,
                number_of_channels=CHANNELS,
                sample_rate_hz=SAMPLE_RATE,
            ),
        )

    def _publish_config(self) -> RtcConnectionPublishConfig:
        return RtcConnectionPublishConfig(
            is_publish_audio=True,
            audio_publish_type=AudioPublishType.AUDIO_PUBLISH_TYPE_PCM,
            audio_scenario=self._scenario,
        )


def _scenario(number: int) -> AudioScenarioType:
    try:
        return AudioScenarioType(number)
    except ValueError:
        raise CannotServe(f"Agora's SDK has no audio scenario {number}: correct --audio-scenario.") from None


def _enable_encryption(connection: RTCConnection, encryption: Encryption) -> None:
    config = EncryptionConfig(
        encryption_mode=encryption.mode_number,
        encryption_key=encryption.key,
        encryption_kdf_salt=None if encryption.salt is None else bytearray(encryption.salt),
    )
    if connection.enable_encryption(1, config) != 0:
        raise CannotServe(f"Agora's SDK does not take encryption mode {encryption.mode_number} with this key and salt.")


def _demand(code: int) -> None:
    """The SDK answers 0, or an error's number, mostly as a negative one."""
    if code != 0:
        raise CannotServe(refusals.refused(abs(code)))


class _ConnectionObserver(IRTCConnectionObserver):
    """The SDK's news of the connection and of others in the channel, as events."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._logged: set[int] = set()

    def on_connected(self, agora_rtc_conn: RTCConnection, conn_info: RTCConnInfo, reason: int) -> None:
        self._tell(Joined())

    def on_reconnected(self, agora_rtc_conn: RTCConnection, conn_info: RTCConnInfo, reason: int) -> None:
        self._tell(Joined())

    def on_reconnecting(self, agora_rtc_conn: RTCConnection, conn_info: RTCConnInfo, reason: int) -> None:
        self._tell(Interrupted())

    def on_connection_lost(self, agora_rtc_conn: RTCConnection, conn_info: RTCConnInfo) -> None:
        self._tell(Interrupted())

    def on_disconnected(self, agora_rtc_conn: RTCConnection, conn_info: RTCConnInfo, reason: int) -> None:
        self._tell(Removed(reason))

    def on_connection_failure(self, agora_rtc_conn: RTCConnection, info: RTCConnInfo, reason: int) -> None:
        self._tell(Removed(reason))

    def on_user_joined(self, agora_rtc_conn: RTCConnection, user_id: str) -> None:
        self._tell(UserJoined(int(user_id)))

    def on_user_left(self, agora_rtc_conn: RTCConnection, user_id: str, reason: int) -> None:
        self._tell(UserLeft(int(user_id), lost=reason != _QUIT))

    def on_token_privilege_will_expire(self, agora_rtc_conn: RTCConnection, token: str) -> None:
        self._tell(TokenWillExpire())

    def on_token_privilege_did_expire(self, agora_rtc_conn: RTCConnection) -> None:
        self._tell(TokenExpired())

    def on_error(self, agora_rtc_conn: RTCConnection, error_code: int, error_msg: str) -> None:
        """Most errors pass by themselves; those that have a sentence of ours end the call."""
        if error_code in refusals.ERRORS:
            self._tell(Refused(error_code))
        else:
            logger.warning("Agora's SDK reports error %d.", error_code)

    def on_encryption_error(self, agora_rtc_conn: RTCConnection, error_type: int) -> None:
        """Agora lets parties join whose encryption differs; they hear nothing of each other."""
        if error_type not in self._logged:
            self._logged.add(error_type)
            logger.warning(
                "Encryption fails (type %d): does the tester have the same mode, key and salt as the agent?", error_type
            )


class _AudioObserver(IAudioFrameObserver):
    """What each user says, before it is mixed with others: 10 ms at a time."""

    def __init__(self, tell: Tell) -> None:
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
        self._tell(Heard(int(uid), bytes(frame.buffer)))
        return 1
