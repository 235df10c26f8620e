"""The values of agora-python-server-sdk 2.4.10 that agora_worker names, with the fields that it sets or reads."""

from dataclasses import dataclass
from enum import IntEnum

class ChannelProfileType(IntEnum):
    CHANNEL_PROFILE_COMMUNICATION = 0
    CHANNEL_PROFILE_LIVE_BROADCASTING = 1

class ClientRoleType(IntEnum):
    CLIENT_ROLE_BROADCASTER = 1
    CLIENT_ROLE_AUDIENCE = 2

class AudioScenarioType(IntEnum):
    AUDIO_SCENARIO_DEFAULT = 0
    AUDIO_SCENARIO_GAME_STREAMING = 3
    AUDIO_SCENARIO_CHATROOM = 5
    AUDIO_SCENARIO_CHORUS = 7
    AUDIO_SCENARIO_MEETING = 8
    AUDIO_SCENARIO_AI_SERVER = 9
    AUDIO_SCENARIO_AI_CLIENT = 10

class AudioPublishType(IntEnum):
    AUDIO_PUBLISH_TYPE_NONE = 0
    AUDIO_PUBLISH_TYPE_PCM = 1
    AUDIO_PUBLISH_TYPE_ENCODED_PCM = 2

@dataclass(kw_only=True)
class AgoraServiceConfig:
    appid: str = ...
    channel_profile: ChannelProfileType = ...
    audio_scenario: AudioScenarioType = ...
    use_string_uid: int = ...

@dataclass(kw_only=True)
class AudioSubscriptionOptions:
    packet_only: int = ...
    pcm_data_only: int = ...
    bytes_per_sample: int = ...
    number_of_channels: int = ...
    sample_rate_hz: int = ...

@dataclass(kw_only=True)
class RTCConnConfig:
    auto_subscribe_audio: int = ...
    audio_subs_options: AudioSubscriptionOptions = ...
    client_role_type: ClientRoleType = ...
    channel_profile: ChannelProfileType = ...

@dataclass(kw_only=True)
class RtcConnectionPublishConfig:
    audio_scenario: AudioScenarioType = ...
    is_publish_audio: bool = ...
    audio_publish_type: AudioPublishType = ...

@dataclass(kw_only=True)
class EncryptionConfig:
    encryption_mode: int
    encryption_key: str
    encryption_kdf_salt: bytearray | None = ...
    datastream_encryption_enabled: bool = ...

@dataclass(frozen=True, kw_only=True)
class RTCConnInfo:
    id: int
    channel_id: str
    state: int
    local_user_id: str
    internal_uid: int

@dataclass(kw_only=True)
class AudioFrame:
    samples_per_channel: int
    bytes_per_sample: int
    channels: int
    samples_per_sec: int
    buffer: bytearray
