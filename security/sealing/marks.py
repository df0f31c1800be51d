"""What a refused payload becomes, in words that workflow code may load."""

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
"""The encoding of a payload that stands for one that did not authenticate. Its data says why."""
UNAUTHENTIC: Final = "Unauthentic"
"""The type of the failure by which all that does not authenticate is refused; it is never retried."""


def refusal(why: str) -> ApplicationError:
    """Return the error that refuses a message, a start or an activity for good."""
    return ApplicationError(f"refused: {why}", type=UNAUTHENTIC, non_retryable=True)


class RefusedPayloads(EncodingPayloadConverter):
    """Raise where a refused payload is read.

    The codec itself must not raise: it runs before a workflow task, which would then fail again and again. A failure
    here refuses one thing. A start fails its workflow, an update or a query is answered, a signal is dropped.
    """

    @property
    def encoding(self) -> str:
        return REFUSED

    def to_payload(self, value: Any) -> Payload | None:  # noqa: ARG002
        """Leave every value to other converters."""
        return None

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> NoReturn:  # noqa: ARG002
        """Refuse it.

        Raises:
            ApplicationError: always; it says why.
        """
        raise refusal(payload.data.decode(errors="replace"))


class SealedFailures(DefaultFailureConverterWithEncodedAttributes):
    """Encrypt the texts of failures, and read a failure without those of its details that were refused.

    The server itself writes details in plain text, of an activity that was cancelled before it started. A failure that
    could not be read would end the workflow.
    """

    def from_failure(self, failure: Failure, payload_converter: PayloadConverter) -> BaseException:
        """Return the error that a failure tells of."""
        kept = Failure()
        kept.CopyFrom(failure)
        _drop_refused(kept)
        return super().from_failure(kept, payload_converter)


def is_refused(payload: Payload) -> bool:
    """Tell whether a payload stands for one that was refused."""
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
