"""What is wrong with a call itself: its message, its secret, its path. Nothing of it has cost anything yet."""

from session_service.errors.tree import ServiceError


class BadRequest(ServiceError):
    """The HTTP message itself is broken."""

    code = "bad_request"
    status = 400
    public = "The HTTP request is malformed. Send one Host header and well-formed headers."


class MalformedBody(ServiceError):
    """The body is not the JSON object that the contract asks for."""

    code = "malformed_body"
    status = 400
    public = 'The body is not a JSON object. Send {"client_id": "..."} with Content-Type: application/json.'


class InvalidClientId(ServiceError):
    """client_id is missing, empty, given twice or not a usable string."""

    code = "invalid_client_id"
    status = 400
    public = (
        "client_id is missing or not a usable string. Send it once: for POST as a key of the JSON body, "
        "for GET as a query parameter."
    )


class Unauthenticated(ServiceError):
    """The secret header is missing, wrong or sent more than once. Which of these is not told to the caller."""

    code = "unauthenticated"
    status = 401
    public = "The secret is missing or wrong. Send it once, in the configured header."


class ClientNotAllowed(ServiceError):
    """The secret is right, and does not open this client id; unknown ids get the same answer."""

    code = "client_not_allowed"
    status = 403
    public = "This client_id is not served with this secret. Compare the Client ID in the platform's form with ours."


class CallerNotAllowed(ServiceError):
    """The caller's address is outside SESSION_CALLER_NETWORKS."""

    code = "caller_not_allowed"
    status = 403
    public = "Calls from this address are not allowed. The operator can add its network."


class NotFound(ServiceError):
    """No such path."""

    code = "not_found"
    status = 404
    public = "There is nothing here. Compare the path with the Session Endpoint URL in the platform's form."


class MethodNotAllowed(ServiceError):
    """The path exists, the method does not; the answer carries Allow."""

    code = "method_not_allowed"
    status = 405
    public = "This method is not served here. Use one that the Allow header names."


class RequestTimeout(ServiceError):
    """A message has begun, and is not complete within SESSION_RECEIPT_TIMEOUT."""

    code = "request_timeout"
    status = 408
    public = "The request did not arrive in time. Send all of it at once."


class BodyTooLarge(ServiceError):
    """The body is over the limit of its path: 16 KiB for a session."""

    code = "body_too_large"
    status = 413
    public = "The body is too large. Send what is asked for, and nothing else."


class UnsupportedMediaType(ServiceError):
    """The body is declared as something other than JSON."""

    code = "unsupported_media_type"
    status = 415
    public = "The body must be JSON. Send Content-Type: application/json, or leave the header out."


class HeadersTooLarge(ServiceError):
    """The header block is over 16 KiB or has more than 100 headers."""

    code = "headers_too_large"
    status = 431
    public = "The headers are too large. Send fewer of them."


class TooManyFailures(ServiceError):
    """This address has sent too many wrong secrets; a right one still passes."""

    code = "too_many_failures"
    status = 429
    public = "Too many calls with a wrong secret from this address. Correct the secret and retry later."
