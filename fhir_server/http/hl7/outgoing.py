"""The messages to partners over HTTP: which wait, were refused or cannot be told; send one again, or never.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message acknowledgment)
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fhir_server.bridge.outbox import MongoOutbox
from fhir_server.kernel.errors import Invalid, Issue, NotFound
from hl7_bridge.outbound.delivery import Outgoing, State

_MOST_LISTED: Final = 1_000
_STATES: Final[Mapping[str, State]] = {state: state for state in get_args(State)}


class OutgoingSurface:
    """The functions behind the routes of the queue."""

    def __init__(self, outbox: MongoOutbox) -> None:
        self._outbox = outbox

    def table(self) -> Mapping[tuple[str, str], Callable[[Request], Awaitable[Response]]]:
        """Return the functions by path and method."""
        return {
            ("/hl7/v2/outgoing", "GET"): self.messages,
            ("/hl7/v2/outgoing/{id}/$again", "POST"): self.again,
            ("/hl7/v2/outgoing/{id}/$drop", "POST"): self.drop,
        }

    async def messages(self, request: Request) -> Response:
        state = _STATES.get(request.query_params.get("state", "refused"))
        if state is None:
            raise Invalid(Issue("value", f"state: one of {', '.join(_STATES)}", expression="state"))
        wanted = request.query_params.get("partner")
        partners = [wanted] if wanted else await self._outbox.partners()
        count = counted(request)
        found = [one for partner in partners for one in await self._outbox.ended(partner, state, count)]
        return JSONResponse({"outgoing": [outline(one) for one in found[:count]]})

    async def again(self, request: Request) -> Response:
        return _done(await self._outbox.again(request.path_params["id"]), request)

    async def drop(self, request: Request) -> Response:
        return _done(await self._outbox.drop(request.path_params["id"]), request)


def counted(request: Request) -> int:
    """Return how many are asked for (`_count`).

    Errors: Invalid for what is no number from 1 on, or too many
    """
    count = request.query_params.get("_count", "100")
    if not count.isdecimal() or not 0 < int(count[:9]) <= _MOST_LISTED:
        raise Invalid(Issue("value", f"_count: a number from 1 to {_MOST_LISTED}", expression="_count"))
    return int(count)


def outline(message: Outgoing) -> dict[str, Any]:
    """Return what a list shows of a message: nothing of its content."""
    return {
        "id": message.control_id,
        "partner": message.partner,
        "subject": message.subject,
        "queued": message.queued.isoformat(),
        "state": message.state,
        "attempts": message.attempts,
        "reason": message.reason,
    }


def _done(found: bool, request: Request) -> Response:
    if not found:
        raise NotFound(f"no message that this can be done with has the id {str(request.path_params['id'])[:64]}")
    return Response(status_code=204)
