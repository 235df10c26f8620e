"""Environment → frozen settings; every problem at once, no secret ever shown.

`variables` lists what there is, `sources` knows where values stand, `parse` what each kind may look like, `reader`
reads one, `clients` and `load` know what they add up to, `model` the result.
"""

from session_service.settings.clients import Rules as Rules
from session_service.settings.load import Loaded as Loaded
from session_service.settings.load import Refused as Refused
from session_service.settings.load import address as address
from session_service.settings.load import load as load
from session_service.settings.load import ops as ops
from session_service.settings.model import AgentServer as AgentServer
from session_service.settings.model import Client as Client
from session_service.settings.model import ConvoAi as ConvoAi
from session_service.settings.model import Ops as Ops
from session_service.settings.model import Settings as Settings
from session_service.settings.model import Ten as Ten
from session_service.settings.model import Times as Times
from session_service.settings.sources import Layer as Layer
from session_service.settings.sources import Sources as Sources
from session_service.settings.variables import NAMES as NAMES
from session_service.settings.variables import VARIABLES as VARIABLES
