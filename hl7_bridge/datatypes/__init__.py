"""HL7 v2 datatypes: each a function that turns one repetition of a field into a FHIR element, or None.

A map names them in `as`. The components say what a datatype reads: what else is populated counts as not mapped.
Spec: https://hl7.org/fhir/R4/datatypes.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from hl7_bridge.datatypes import codes, contacts, identifiers, media, names, people, quantities, times
from hl7_bridge.mapping.context import Context, Text
from hl7_bridge.mapping.tables import Table

Convert = Callable[[Text, Context, Table | None], Any]
Memory = Literal["none", "sender", "message"]


@dataclass(frozen=True, slots=True)
class DataType:
    """A conversion; `reads` are the components it looks at (none: all of them).

    `memory` says how long a result may be used again for the same text: coded values for a sender, references
    within a message.
    """

    convert: Convert
    reads: frozenset[int] = frozenset()
    memory: Memory = "none"


def dated(function: Callable[[str, Any], str | None]) -> Convert:
    return lambda field, context, _table: function(field.value(1), context.zone)


def clock_time(field: Text, _context: Context, _table: Table | None) -> str | None:
    return times.time_of_day(field.value(1))


def period(field: Text, context: Context, _table: Table | None) -> dict[str, Any] | None:
    """Return the Period of a DR."""
    ends = {
        "start": times.date_time(field.value(1), context.zone),
        "end": times.date_time(field.value(2), context.zone),
    }
    return {name: moment for name, moment in ends.items() if moment} or None


def days(field: Text, context: Context, table: Table | None) -> dict[str, Any] | None:
    """Return the Duration of a number of days."""
    found = quantities.decimal(field, context, table)
    return None if found is None else {"value": found, "unit": "days", "system": quantities.UCUM, "code": "d"}


def reads(*components: int) -> frozenset[int]:
    return frozenset(components)


CODED = reads(*range(1, 10))
PERSON = reads(1, 2, 3, 4, 5, 6, 7, 9, 10, 13, 19, 20)

DATATYPES: Mapping[str, DataType] = MappingProxyType(
    {
        "CX": DataType(identifiers.extended_id, reads(1, 4, 5, 6, 7, 8)),
        "EI": DataType(identifiers.entity_id, reads(1, 2, 3, 4)),
        "EIP.1": DataType(identifiers.placer_of_pair, reads(1)),
        "EIP.2": DataType(identifiers.filler_of_pair, reads(2)),
        "DLN": DataType(identifiers.licence, reads(1, 2)),
        "SSN": DataType(identifiers.social_security, reads(1)),
        "ST-identifier": DataType(identifiers.plain_id, reads(1)),
        "HD-uri": DataType(identifiers.uri, reads(1, 2, 3)),
        "XPN": DataType(names.person_name, reads(1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 14)),
        "XPN-or-text": DataType(names.name_or_text, reads(1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 14)),
        "XPN-text": DataType(names.name_text, reads(1, 2, 3, 4, 5, 6)),
        "XAD": DataType(contacts.address, reads(1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14)),
        "XAD-of-birth": DataType(contacts.birth_place, reads(1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14)),
        "XTN": DataType(contacts.contact_point, reads(1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 14, 18)),
        "CWE": DataType(codes.codeable_concept, CODED, "sender"),
        "CWE-or-text": DataType(codes.concept_or_text, CODED, "sender"),
        "IS": DataType(codes.one_concept, CODED, "sender"),
        "Coding": DataType(codes.plain_coding, CODED, "sender"),
        "mapped-Coding": DataType(codes.mapped_only, CODED, "sender"),
        "code": DataType(codes.code, CODED, "sender"),
        "boolean": DataType(codes.flag, reads(1)),
        "not-boolean": DataType(codes.unless_yes, reads(1)),
        "date": DataType(dated(times.date), reads(1), "message"),
        "dateTime": DataType(dated(times.date_time), reads(1), "message"),
        "instant": DataType(dated(times.instant), reads(1), "message"),
        "time": DataType(clock_time, reads(1)),
        "DR": DataType(period, reads(1, 2)),
        "NM": DataType(quantities.decimal, reads(1)),
        "SI": DataType(quantities.integer, reads(1)),
        "days": DataType(days, reads(1)),
        "CQ": DataType(quantities.quantity, reads(1, 2, 3, 4, 5, 6, 7)),
        "MO": DataType(quantities.money, reads(1, 2)),
        "ED": DataType(media.encapsulated, reads(1, 2, 3, 4, 5)),
        "RP": DataType(media.pointer, reads(1, 2, 3, 4)),
        "ST": DataType(media.text, reads(1)),
        "text": DataType(media.whole_text),
        "Annotation": DataType(media.annotation),
        "Practitioner": DataType(people.practitioner, PERSON, "message"),
        "Practitioner-name": DataType(people.named_practitioner, reads(1, 2, 3, 4, 5, 6), "message"),
        "NDL": DataType(people.observer, reads(1), "message"),
        "Organization": DataType(people.organization, reads(1, 3, 6, 7, 10), "message"),
        "CWE-Organization": DataType(people.coded_organization, reads(1, 2, 3), "message"),
        "HD-Organization": DataType(people.authority_organization, reads(1, 2, 3), "message"),
        "Location": DataType(people.location, reads(1, 2, 3, 4, 7, 8, 9, 10, 11), "message"),
        "DLD": DataType(people.coded_location, reads(1, 2), "message"),
        "Device": DataType(people.device, reads(1, 2, 3, 4), "message"),
    }
)
"""Every datatype that a map may name."""
