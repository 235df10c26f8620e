"""One service in a process."""

from typing import ClassVar

from agora.rtc.agora_base import AgoraServiceConfig, RTCConnConfig, RtcConnectionPublishConfig, called, rule, say
from agora.rtc.rtc_connection import RTCConnection


class AgoraService:
    """Initialised before anything else, released after everything else."""

    _exists: ClassVar[bool] = False

    def __init__(self) -> None:
        called("AgoraService")
        rule(not AgoraService._exists, "a process has one AgoraService")
        AgoraService._exists = True
        self._initialized = False
        self._connection: RTCConnection | None = None

    def initialize(self, config: AgoraServiceConfig) -> int:
        """Once, with an App ID."""
        called("initialize")
        rule(len(config.appid) == 32 and not self._initialized, "one service with one App ID")
        self._initialized = True
        return 0

    def create_rtc_connection(
        self, con_config: RTCConnConfig, publish_config: RtcConnectionPublishConfig
    ) -> RTCConnection:
        """After `initialize`, for a host that hears 16 kHz mono and publishes PCM."""
        called("create_rtc_connection")
        rule(self._initialized, "initialize comes first")
        rule(con_config.auto_subscribe_audio == 1, "nobody is heard without a subscription")
        rule(con_config.audio_subs_options.sample_rate_hz == 16000, "audio is to be heard as 16 kHz")
        rule(publish_config.is_publish_audio, "nothing is said without publishing")
        rule(publish_config.audio_scenario == 7, "the scenario that the worker chose")
        self._connection = RTCConnection()
        return self._connection

    def release(self) -> None:
        """After the connection's."""
        called("service.release")
        rule(self._connection is None or self._connection.released, "the connection is released first")
        say("released")
