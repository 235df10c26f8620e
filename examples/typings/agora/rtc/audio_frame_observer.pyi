from agora.rtc.agora_base import AudioFrame
from agora.rtc.local_user import LocalUser

class IAudioFrameObserver:
    def on_playback_audio_frame_before_mixing(
        self,
        agora_local_user: LocalUser,
        channelId: str,
        uid: str,
        frame: AudioFrame,
        vad_result_state: int,
        vad_result_bytearray: bytearray | None,
    ) -> int: ...
