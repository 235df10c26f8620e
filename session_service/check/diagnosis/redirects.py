"""Where a redirect points, and what that says about the URL that was asked.

Decided here: that a Location is shown without its query, which may hold a login's state, and how the usual reasons are
told apart. Pure. Called by T04 and by the diagnosis of the first good call.
"""

import re
from urllib.parse import SplitResult, urljoin, urlsplit

from session_service.check.asking.messages import Answer
from session_service.check.target import Endpoint

_LOGIN = re.compile(r"login|log-in|signin|sign-in|sign_in|oauth|authorize|sso|saml|cdn-cgi/access", re.IGNORECASE)


def is_redirect(answer: Answer) -> bool:
    """Whether it sends the caller elsewhere."""
    return 300 <= answer.status < 400


def shown(answer: Answer, asked: Endpoint) -> str:
    """The address that it points to, without query and fragment; "nowhere" without a Location."""
    target = _target(answer, asked)
    if target is None:
        return "nowhere, for want of a Location header"
    return f"{target.scheme}://{target.netloc.rpartition('@')[2]}{target.path}"


def mend(answer: Answer, asked: Endpoint) -> str:
    """What to change, by the way the address differs from the one that was asked."""
    target = _target(answer, asked)
    if target is None:
        return "Answer the call itself, under the very URL that is in the platform's form."
    if _LOGIN.search(f"{target.hostname}{target.path}"):
        return (
            "A login stands in front of the endpoint, and the platform cannot log in. Exempt this path from it: "
            "the secret header is what protects it."
        )
    if not asked.tls and target.scheme == "https" and target.path == asked.path:
        return "Write https instead of http in the URL."
    if target.path.rstrip("/") == asked.path.partition("?")[0].rstrip("/"):
        ending = "with" if target.path.endswith("/") else "without"
        return f"Use the URL {ending} the slash at its end in the platform's form, or serve both paths."
    return "Put the address that it points to into the platform's form, or serve the call where it arrives."


def _target(answer: Answer, asked: Endpoint) -> SplitResult | None:
    location = answer.header("location")
    if not location:
        return None
    try:
        found = urlsplit(urljoin(str(asked), location))
    except ValueError:
        return None
    return found if found.hostname else None
