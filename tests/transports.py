"""An Agora transport for tests and benchmarks that are about something else."""

from session_service.agora.identifiers import Project
from session_service.agora.transport import AgoraTransport


def usual(project: Project) -> AgoraTransport:
    """As a service mints that was told nothing but its project."""
    return AgoraTransport(
        project,
        prefix="cekura-",
        join_uid=1,
        agent_uid=None,
        lifetime=3900,
        token_version="007",
        encryption=None,
        master_key=None,
    )
