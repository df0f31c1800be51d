"""Why Temporal did not answer, in plain words. The SDK's own text is for logs."""

from typing import Final

from temporalio.service import RPCError, RPCStatusCode

_TEMPORAL_CAUSES: Final = {
    RPCStatusCode.UNAVAILABLE: "no connection",
    RPCStatusCode.DEADLINE_EXCEEDED: "no answer in time",
    RPCStatusCode.CANCELLED: "no answer in time",
    RPCStatusCode.UNAUTHENTICATED: "the credentials are refused; correct TEMPORAL_API_KEY or the client certificate",
    RPCStatusCode.PERMISSION_DENIED: "the credentials are refused; correct TEMPORAL_API_KEY or the client certificate",
    RPCStatusCode.RESOURCE_EXHAUSTED: "it is overloaded; try again in a moment",
    RPCStatusCode.NOT_FOUND: "the namespace or the workflow does not exist; check TEMPORAL_NAMESPACE",
}
_CONNECTING: Final = (
    ("refused", "the connection is refused, because no server listens there"),
    ("dns error", "the host name is unknown; correct TEMPORAL_ADDRESS"),
    ("certificate", "its certificate is not accepted; check TEMPORAL_TLS_…"),
    ("tls", "the encryption fails; check TEMPORAL_TLS_…"),
    ("timed out", "no answer in time"),
)
"""Words in the SDK's texts about a failed connection, in lower case, and what they mean."""
_NO_CONNECTION: Final = "no connection"


def temporal_cause(error: BaseException) -> str:
    """Return why Temporal did not answer. The SDK raises RuntimeError when it cannot connect."""
    if isinstance(error, RPCError):
        return _TEMPORAL_CAUSES.get(error.status, f"it refuses the request ({error.status.name})")
    if not isinstance(error, RuntimeError):
        return f"{type(error).__name__}: {error}"  # an answer that cannot be read: the text is ours
    text = str(error).lower()
    return next((cause for word, cause in _CONNECTING if word in text), _NO_CONNECTION)
