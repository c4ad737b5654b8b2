"""Queries (QBP): answered from the store, with nothing changed and nothing kept.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 5, query by parameter)
"""

from dataclasses import dataclass
from typing import Protocol

from hl7_bridge.ack import Reply, query_reply
from hl7_bridge.er7 import Message
from hl7_bridge.inbound import verdict as verdicts
from hl7_bridge.inbound.verdict import Verdict
from hl7_bridge.mapping.context import Sender
from hl7_bridge.mapping.errors import ConversionError
from hl7_bridge.outbound.partner import Partner
from hl7_bridge.ports import Lookup, Refused, Unavailable
from hl7_bridge.query import PatientQuery, found_none, query_of, rows


class Knows(Protocol):
    """What knows how a sender writes."""

    def sender(self, message: Message) -> Sender: ...


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers queries about patients."""

    lookup: Lookup
    senders: Knows

    async def answer(self, message: Message) -> tuple[Verdict, Reply | None]:
        """Return the verdict on a query, and the reply that goes with its acknowledgement."""
        try:
            query = query_of(message, self.senders.sender(message))
            if query is None:
                raise ConversionError("201", "this query is not supported", segment="MSH", field=9, component=2)
            return await self._found(message, query)
        except ConversionError as error:
            verdict = verdicts.unreadable(error)
            return verdict, query_reply(message, "AR" if verdict.outcome == "rejected" else "AE")
        except Refused as error:
            return verdicts.refused(error), query_reply(message, "AE")
        except Unavailable:
            return verdicts.unavailable(), query_reply(message, "AR")

    async def _found(self, message: Message, query: PatientQuery) -> tuple[Verdict, Reply | None]:
        patients = await self.lookup.search("Patient", query.criteria, query.limit)
        if not patients:
            error = found_none(query)
            if error is not None:
                return verdicts.unreadable(error), query_reply(message, "AE")
            return Verdict("accepted"), query_reply(message, "NF", 0)
        us = Partner(sender=(message.header.value(5), message.header.value(6)))
        return Verdict("accepted"), query_reply(message, "OK", len(patients), rows(query, patients, us))
