"""The form of audio on both sides of this worker: 16 kHz, one channel, 16-bit little-endian samples (pcm_s16le).

Decided here: that form, and that only whole milliseconds are sent. The platform's page on Agora simulations asks for
the form; `push_audio_pcm_data` of the SDK refuses any length that is not a whole number of milliseconds.
"""

SAMPLE_RATE = 16_000
CHANNELS = 1
BYTES_PER_MILLISECOND = 32
"""Sixteen samples of two bytes."""


class WholeMilliseconds:
    """Cuts pieces of any length into whole milliseconds. What is left over waits for the next piece."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, pcm: bytes) -> bytes:
        """Add `pcm`, and return what is whole by now: nothing, or a multiple of BYTES_PER_MILLISECOND bytes."""
        held = self._rest + pcm
        whole = len(held) - len(held) % BYTES_PER_MILLISECOND
        self._rest = held[whole:]
        return held[:whole]
