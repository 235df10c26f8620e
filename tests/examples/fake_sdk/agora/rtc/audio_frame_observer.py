"""What the worker derives its audio observer from."""

from typing import Any


class IAudioFrameObserver:
    """Hears nothing."""

    def on_playback_audio_frame_before_mixing(self, *_: Any) -> int:
        """Ignore it."""
        return 1
