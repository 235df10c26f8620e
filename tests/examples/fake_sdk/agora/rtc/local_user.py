"""The part of a connection that sets the form of what is heard."""

from agora.rtc.agora_base import called, rule


class LocalUser:
    """One in each connection."""

    def __init__(self) -> None:
        self.form_is_set = False

    def set_playback_audio_frame_before_mixing_parameters(self, channels: int, sample_rate_hz: int) -> int:
        """16 kHz mono, or the platform's tester would not be understood."""
        called("set_playback_audio_frame_before_mixing_parameters")
        rule((channels, sample_rate_hz) == (1, 16000), "audio is to be heard as 16 kHz mono")
        self.form_is_set = True
        return 0
