"""Agora's words, for somebody who has never heard of them.

Decided here: which ones a finding may use without explaining them. `session-service check explain words` prints them;
docs/check.md holds the same, and a test holds it to that.
"""

import textwrap
from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "session": "one call: a fresh channel, and an agent in it",
    "tester, agent": "Cekura's side of the call, which plays your customer, and your voice agent",
    "App ID, App Certificate": "your project at Agora, and the secret that signs its tokens: 32 hexadecimal characters "
    "each, in Agora's console. The App ID is answered, the certificate never leaves your server",
    "channel": "the room in which the two talk; whoever joins with the same name is in the same room. A new name for "
    "every call",
    "uid": "the number under which somebody is in a channel. The tester has 1, unless join_uid in the agent's Agora "
    "configuration says another; your agent needs a different one",
    "token": "the ticket to one channel for one uid, until it ends. To mint one is to make it, on your server, with "
    "Agora's token builder. Its privileges are what it allows: to join, and to publish, which is to be heard",
    "key, salt": "what a channel is encrypted with, where it is. Tester and agent need the same, and one who has "
    "another is in the channel and hears nothing",
}

BUILDERS: Mapping[str, str] = {
    "Python, RtcTokenBuilder2.py of github.com/AgoraIO/Tools": "RtcTokenBuilder.build_token_with_uid("
    "app_id, app_certificate, channel, 1, Role_Publisher, 3600, 3600)",
    "Node, npm install agora-token": "RtcTokenBuilder.buildTokenWithUid("
    "appId, appCertificate, channel, 1, RtcRole.PUBLISHER, 3600, 3600)",
}
"""The line that makes the tester's token, by where the builder comes from. The last two numbers are seconds."""

_WIDTH = 110
_INDENT = "    "


def text() -> str:
    """All of it, for a terminal."""
    lines: list[str] = []
    for word, meaning in WORDS.items():
        lines += [word, *textwrap.wrap(meaning, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT), ""]
    lines.append("The line that makes the tester's token; the last two numbers are seconds:")
    for source, line in BUILDERS.items():
        lines += ["", f"{source}:", _INDENT + line]
    return "\n".join(lines) + "\n"
