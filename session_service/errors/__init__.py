"""The one error tree: what a caller is told, and what the log is told.

Decided here: the stable code, the HTTP status and the public sentence of every refusal. `http.routes` turns an error
into an answer by these four facts alone; docs/contract.md lists the codes, and a test holds the two together.

The public sentence is fixed per class and never holds input. The log text is for the operator: it may name settings,
exit codes and paths, and never a secret, a token or a key.

`tree` is the root and what is wrong with values, `calls` what is wrong with a call, `sessions` why it gets no session,
`events` why a notification or a report is not taken, and `operators` what the operator's port refuses.
"""

from session_service.errors.calls import BadRequest as BadRequest
from session_service.errors.calls import BodyTooLarge as BodyTooLarge
from session_service.errors.calls import CallerNotAllowed as CallerNotAllowed
from session_service.errors.calls import ClientNotAllowed as ClientNotAllowed
from session_service.errors.calls import HeadersTooLarge as HeadersTooLarge
from session_service.errors.calls import InvalidClientId as InvalidClientId
from session_service.errors.calls import MalformedBody as MalformedBody
from session_service.errors.calls import MethodNotAllowed as MethodNotAllowed
from session_service.errors.calls import NotFound as NotFound
from session_service.errors.calls import RequestTimeout as RequestTimeout
from session_service.errors.calls import TooManyFailures as TooManyFailures
from session_service.errors.calls import Unauthenticated as Unauthenticated
from session_service.errors.calls import UnsupportedMediaType as UnsupportedMediaType
from session_service.errors.events import BadReportToken as BadReportToken
from session_service.errors.events import BadSignature as BadSignature
from session_service.errors.events import EventRefused as EventRefused
from session_service.errors.events import MalformedNotification as MalformedNotification
from session_service.errors.events import MalformedReport as MalformedReport
from session_service.errors.events import NoFreshToken as NoFreshToken
from session_service.errors.events import SessionOver as SessionOver
from session_service.errors.events import TooManyReports as TooManyReports
from session_service.errors.operators import HostNotAllowed as HostNotAllowed
from session_service.errors.operators import NoSuchPath as NoSuchPath
from session_service.errors.operators import NotTheOperator as NotTheOperator
from session_service.errors.operators import OperatorError as OperatorError
from session_service.errors.operators import OriginNotAllowed as OriginNotAllowed
from session_service.errors.operators import Stranded as Stranded
from session_service.errors.operators import TooManyListeners as TooManyListeners
from session_service.errors.operators import UnknownSession as UnknownSession
from session_service.errors.sessions import AgentRefused as AgentRefused
from session_service.errors.sessions import AgentTimeout as AgentTimeout
from session_service.errors.sessions import AgentUnavailable as AgentUnavailable
from session_service.errors.sessions import CallerGone as CallerGone
from session_service.errors.sessions import Draining as Draining
from session_service.errors.sessions import NotReady as NotReady
from session_service.errors.sessions import SessionLimit as SessionLimit
from session_service.errors.sessions import StartLimit as StartLimit
from session_service.errors.sessions import StoreUnavailable as StoreUnavailable
from session_service.errors.tree import InvalidValue as InvalidValue
from session_service.errors.tree import ServiceError as ServiceError
from session_service.errors.tree import SettingsError as SettingsError
from session_service.errors.tree import UnreadableToken as UnreadableToken
