"""Marks of refused payloads, in a module that workflow code may load."""

from typing import Any, Final, NoReturn

from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import Failure
from temporalio.converter import (
    DefaultFailureConverterWithEncodedAttributes,
    EncodingPayloadConverter,
    PayloadConverter,
)
from temporalio.exceptions import ApplicationError

REFUSED: Final = "haru/refused"
"""Encoding of a payload that replaces one that did not authenticate. Its data is the reason."""
UNAUTHENTIC: Final = "Unauthentic"
"""Failure type of every refusal for lack of authentication. It is never retried."""


def refusal(why: str) -> ApplicationError:
    """Return the non-retryable error that refuses a message, a start or an activity."""
    return ApplicationError(f"refused: {why}", type=UNAUTHENTIC, non_retryable=True)


class RefusedPayloads(EncodingPayloadConverter):
    """Raise when a refused payload is read.

    The codec itself must not raise: it runs before a workflow task, which would then fail repeatedly. A failure here
    refuses one message only: a start fails its workflow, an update or a query gets an error, a signal is dropped.
    """

    @property
    def encoding(self) -> str:
        return REFUSED

    def to_payload(self, value: Any) -> Payload | None:  # noqa: ARG002
        """Leave every value to other converters."""
        return None

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> NoReturn:  # noqa: ARG002
        """Refuse the payload.

        Raises:
            ApplicationError: always; it contains the reason.
        """
        raise refusal(payload.data.decode(errors="replace"))


class SealedFailures(DefaultFailureConverterWithEncodedAttributes):
    """Encrypt the texts of failures, and read a failure without its refused details.

    The server itself writes plain-text details for an activity that was cancelled before it started. An unreadable
    failure would end the workflow.
    """

    def from_failure(self, failure: Failure, payload_converter: PayloadConverter) -> BaseException:
        """Return the error of a failure."""
        kept = Failure()
        kept.CopyFrom(failure)
        _drop_refused(kept)
        return super().from_failure(kept, payload_converter)


def is_refused(payload: Payload) -> bool:
    """Return whether a payload replaces a refused one."""
    return payload.metadata.get("encoding") == REFUSED.encode()


def _drop_refused(failure: Failure) -> None:
    for details in (
        failure.application_failure_info.details,
        failure.canceled_failure_info.details,
        failure.timeout_failure_info.last_heartbeat_details,
        failure.reset_workflow_failure_info.last_heartbeat_details,
    ):
        _keep_authentic(details)
    if failure.HasField("cause"):
        _drop_refused(failure.cause)


def _keep_authentic(details: Payloads) -> None:
    kept = [payload for payload in details.payloads if not is_refused(payload)]
    if len(kept) < len(details.payloads):
        del details.payloads[:]
        details.payloads.extend(kept)
