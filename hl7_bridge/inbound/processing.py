"""One message into the store: resolve, submit, and again from the start when another writer was faster.

Spec: https://hl7.org/fhir/R4/http.html#concurrency
"""

import asyncio
import random
import time
from dataclasses import dataclass, field

from hl7_bridge.convert import Conversion
from hl7_bridge.inbound.join import Joiner
from hl7_bridge.inbound.known import Known
from hl7_bridge.inbound.resolve import Plan, resolve
from hl7_bridge.inbound.targets import Search
from hl7_bridge.ports import Conflict, Lookup, Resource, Sink, Unavailable

ATTEMPTS = 10
_PAUSE_S, _LONGEST_PAUSE_S = 0.005, 0.5
_PATIENCE = 4
"""How often a store that is away is asked again before the sender hears of it: an election takes two seconds."""


@dataclass(frozen=True, slots=True)
class Processing:
    """Stores conversions: each in one transaction, or not at all."""

    sink: Sink
    lookup: Lookup
    joiner: Joiner
    known: Known = field(default_factory=lambda: Known(time.monotonic))

    async def store(self, conversion: Conversion, message: Resource, *, fresh: bool) -> Plan:
        """Return what was stored, once it is durable.

        `message` is the identifier of the raw message; `fresh` tells that it never came before.
        Errors: Conflict when others were faster each time; Ambiguous, Refused, Unavailable
        """
        away = 0
        for attempt in range(ATTEMPTS):
            try:
                return await self._attempt(conversion, message, first=attempt == 0, fresh=fresh)
            except Conflict:
                if attempt == ATTEMPTS - 1:
                    raise
            except Unavailable:
                away += 1
                if away == _PATIENCE:
                    raise
                await asyncio.sleep(_LONGEST_PAUSE_S * away)
            await asyncio.sleep(random.uniform(0.5, 1.5) * min(_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S))
        raise Conflict("others were faster each time")

    async def _attempt(self, conversion: Conversion, message: Resource, *, first: bool, fresh: bool) -> Plan:
        by_id = not self.sink.gives_ids
        search = Search(self.lookup, self.known, by_id=by_id, fresh=first and fresh, wary=not first)
        plan = await resolve(conversion, message, search, self.joiner)
        if plan.bundle is not None and plan.bundle["entry"]:
            await self.sink.submit(plan.bundle, plan.claims)
        return plan
