"""The SDK's values, as far as the worker names them, and the rules of its documentation."""

import sys
import threading
from dataclasses import dataclass, field
from enum import IntEnum

SDK_THREAD = "sdk"


def rule(kept: bool, text: str) -> None:
    """Fail where a rule of the SDK is broken."""
    if not kept:
        raise AssertionError(f"fake SDK: {text}")


def say(line: str) -> None:
    """Tell the test, through the worker's output."""
    sys.stdout.write(f"fake SDK: {line}\n")
    sys.stdout.flush()


def called(name: str) -> None:
    """Fail where a callback calls the SDK."""
    rule(threading.current_thread().name != SDK_THREAD, f"{name} was called on a thread of the SDK")


class ChannelProfileType(IntEnum):
    CHANNEL_PROFILE_COMMUNICATION = 0
    CHANNEL_PROFILE_LIVE_BROADCASTING = 1


class ClientRoleType(IntEnum):
    CLIENT_ROLE_BROADCASTER = 1
    CLIENT_ROLE_AUDIENCE = 2


class AudioScenarioType(IntEnum):
    AUDIO_SCENARIO_DEFAULT = 0
    AUDIO_SCENARIO_CHORUS = 7
    AUDIO_SCENARIO_AI_SERVER = 9


class AudioPublishType(IntEnum):
    AUDIO_PUBLISH_TYPE_NONE = 0
    AUDIO_PUBLISH_TYPE_PCM = 1


@dataclass(kw_only=True)
class AgoraServiceConfig:
    appid: str = ""
    channel_profile: ChannelProfileType = ChannelProfileType.CHANNEL_PROFILE_LIVE_BROADCASTING
    audio_scenario: AudioScenarioType = AudioScenarioType.AUDIO_SCENARIO_AI_SERVER
    use_string_uid: int = 0


@dataclass(kw_only=True)
class AudioSubscriptionOptions:
    packet_only: int = 0
    pcm_data_only: int = 0
    bytes_per_sample: int = 0
    number_of_channels: int = 0
    sample_rate_hz: int = 0


@dataclass(kw_only=True)
class RTCConnConfig:
    auto_subscribe_audio: int = 0
    audio_subs_options: AudioSubscriptionOptions = field(default_factory=AudioSubscriptionOptions)
    client_role_type: ClientRoleType = ClientRoleType.CLIENT_ROLE_BROADCASTER
    channel_profile: ChannelProfileType = ChannelProfileType.CHANNEL_PROFILE_LIVE_BROADCASTING


@dataclass(kw_only=True)
class RtcConnectionPublishConfig:
    audio_scenario: AudioScenarioType = AudioScenarioType.AUDIO_SCENARIO_AI_SERVER
    is_publish_audio: bool = True
    audio_publish_type: AudioPublishType = AudioPublishType.AUDIO_PUBLISH_TYPE_PCM


@dataclass(kw_only=True)
class EncryptionConfig:
    encryption_mode: int
    encryption_key: str
    encryption_kdf_salt: bytearray | None = None
    datastream_encryption_enabled: bool = False


@dataclass(frozen=True, kw_only=True)
class RTCConnInfo:
    id: int = 1
    channel_id: str = ""
    state: int = 3
    local_user_id: str = ""
    internal_uid: int = 0


@dataclass(kw_only=True)
class AudioFrame:
    samples_per_channel: int = 160
    bytes_per_sample: int = 2
    channels: int = 1
    samples_per_sec: int = 16000
    buffer: bytearray
