"""The example agent in LiveKit's console mode, spoken to as the `lk` command does: frames on a loopback connection.

livekit-agents 1.3 has a console for terminals with a sound card only, so there is nothing to prove there.
"""

import asyncio
import sys
from importlib.util import find_spec

import pytest

from tests.agent_helpers.with_livekit.wire import DEADLINE, ROOT, worker_environment

EXAMPLE = ROOT / "examples" / "livekit_agent" / "agent.py"

if find_spec("livekit.agents.__main__") is not None:
    from livekit.protocol.agent_pb.agent_session import AgentSessionMessage, SessionRequest

    async def conversation(text: str) -> str:
        """The console's first answer to a written turn."""
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            audio = SessionRequest.UpdateIO(
                input=SessionRequest.UpdateIO.Input(audio_enabled=False),
                output=SessionRequest.UpdateIO.Output(audio_enabled=False),
            )
            send(writer, SessionRequest(request_id="1", update_io=audio))
            send(writer, SessionRequest(request_id="2", run_input=SessionRequest.RunInput(text=text)))
            while not answer.done():
                message = await receive(reader)
                if message.response.request_id == "2":
                    answer.set_result(str(message.response.run_input))
            writer.close()

        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            command = ["-m", "livekit.agents", "console", str(EXAMPLE), "--connect-addr", f"{host}:{port}"]
            agent = await asyncio.create_subprocess_exec(
                sys.executable, *command, env=worker_environment("ws://127.0.0.1:9"), cwd=ROOT
            )
            try:
                return await asyncio.wait_for(answer, DEADLINE)
            finally:
                agent.terminate()
                await asyncio.wait_for(agent.wait(), DEADLINE)

    def send(writer: asyncio.StreamWriter, request: SessionRequest) -> None:
        """A frame: four bytes of length, and the message."""
        body = AgentSessionMessage(request=request).SerializeToString()
        writer.write(len(body).to_bytes(4, "big") + body)

    async def receive(reader: asyncio.StreamReader) -> AgentSessionMessage:
        """The next frame."""
        size = int.from_bytes(await reader.readexactly(4), "big")
        return AgentSessionMessage.FromString(await reader.readexactly(size))

    @pytest.mark.real
    def test_in_the_console_the_example_is_in_an_ordinary_call() -> None:
        """There is no dispatch, and so no test."""
        assert "An ordinary call." in asyncio.run(conversation("Hello?"))
