"""What needs LiveKit is collected where LiveKit is installed: `make test` has two environments for it."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("livekit") else ["with_livekit"]
