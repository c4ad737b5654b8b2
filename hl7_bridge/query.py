"""Queries about patients (QBP Q21, Q22, Q23): what to search for, and the segments that answer.

Spec: https://hl7.org/fhir/R4/patient.html#search (the query's own is chapter 3 of HL7 v2: K21, K22, K23)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from hl7_bridge.datatypes.quantities import counted
from hl7_bridge.datatypes.times import BadValue, date
from hl7_bridge.er7 import Field, Message, Segment, Writer
from hl7_bridge.mapping.context import Sender, identifier_key
from hl7_bridge.mapping.errors import ConversionError
from hl7_bridge.outbound.elements import cx, repeated, time, xad, xpn, xtn
from hl7_bridge.outbound.partner import Partner
from hl7_bridge.outbound.vocabulary import code

Resource = dict[str, Any]

MOST = 100
"""Patients that one answer holds at most, unless the query asks for fewer (RCP-2)."""


@dataclass(frozen=True, slots=True)
class PatientQuery:
    """What a query asks of the store.

    Shape: `criteria` is a query string on Patient that all must fit; `domains` are the systems of the identifiers that
           are wanted (none: all); `by_id` tells that one known person is meant, who is unknown when nothing is found
    """

    criteria: str
    domains: frozenset[str]
    limit: int
    by_id: bool


def query_of(message: Message, sender: Sender) -> PatientQuery | None:
    """Return what a QBP asks; None when the message is none about patients.

    Errors: ConversionError naming the field, when it asks nothing or something that cannot be searched for
    """
    asked = message.first("QPD")
    if message.type != "QBP" or message.trigger not in FORMS:
        return None
    if asked is None:
        raise ConversionError("100", "there is no QPD segment", segment="QPD")
    criteria, domains = FORMS[message.trigger](asked, sender)
    if not criteria:
        raise ConversionError("101", "asks for nothing", segment="QPD", field=3)
    return PatientQuery(criteria, domains, limit_of(message.first("RCP")), message.trigger != "Q22")


def by_identifier(asked: Segment, sender: Sender) -> tuple[str, frozenset[str]]:
    """Return the criteria of Q21 and Q23: QPD-3 is the person's identifier (CX), QPD-4 which domains are wanted."""
    field = asked.field(3)
    return identifier_of(field, sender), domains_of(asked, 4, sender)


def by_demographics(asked: Segment, sender: Sender) -> tuple[str, frozenset[str]]:
    """Return the criteria of Q22: each repetition of QPD-3 is a field of PID and what it holds (@PID.5.1^SMITH)."""
    wanted: dict[str, str] = {}
    numbers: dict[int, str] = {}
    for one in asked.repetitions(3):
        name, text = one.value(1).strip().lstrip("@").upper(), one.value(2).strip()
        if not text:
            continue
        parts = (counted(part) for part in name.removeprefix("PID.").split("."))
        place = tuple(part for part in parts if part is not None)
        if not name.startswith("PID.") or not place:
            raise unknown(name)
        if place[0] == 3:
            numbers[place[1] if len(place) > 1 else 1] = text
            continue
        parameter, value = criterion(place[:2], name, text, sender)
        wanted[parameter] = value
    criteria = [f"{parameter}={quote(value, safe='')}" for parameter, value in wanted.items()]
    if number := numbers.get(1):
        system = sender.authority(numbers.get(4, ""), "", "", numbers.get(5, "")) if 4 in numbers else ""
        criteria.append(identifier_key(system, number) if system else f"identifier={quote(number, safe='')}")
    return "&".join(criteria), domains_of(asked, 8, sender)


FORMS: Mapping[str, Callable[[Segment, Sender], tuple[str, frozenset[str]]]] = MappingProxyType(
    {"Q21": by_identifier, "Q22": by_demographics, "Q23": by_identifier}
)

PARAMETERS: Mapping[tuple[int, ...], str] = MappingProxyType(
    {
        (5,): "family", (5, 1): "family", (5, 2): "given", (7,): "birthdate", (7, 1): "birthdate", (8,): "gender",
        (8, 1): "gender", (11,): "address", (11, 1): "address", (11, 3): "address-city", (11, 4): "address-state",
        (11, 5): "address-postalcode", (11, 6): "address-country", (13,): "phone", (13, 1): "phone", (13, 12): "phone",
        (14,): "phone", (14, 1): "phone", (19,): "identifier", (19, 1): "identifier",
    }
)  # fmt: skip
"""Fields and components of PID that can be searched for, and the search parameter of Patient that does it."""


def criterion(place: tuple[int, ...], name: str, text: str, sender: Sender) -> tuple[str, str]:
    """Return the search parameter and value that a field of PID and its text mean.

    Errors: ConversionError when Patient cannot be searched by it, or when the text is none of its values
    """
    parameter = PARAMETERS.get(place)
    if parameter is None:
        raise unknown(name)
    if parameter == "birthdate":
        try:
            return parameter, date(text, sender.zone) or text
        except BadValue as error:
            raise ConversionError("102", f"{name} {error}", segment="QPD", field=3) from None
    if parameter == "gender":
        found = sender.tables["0001"].look_up(text) if "0001" in sender.tables else None
        return parameter, found.code if found else "unknown"
    # A trailing asterisk asks for what begins so, as strings in FHIR are searched for anyway.
    return parameter, text.rstrip("*")


def unknown(name: str) -> ConversionError:
    return ConversionError(
        "103", f"{name or 'a parameter without name'} cannot be searched for", segment="QPD", field=3
    )


def identifier_of(field: Field, sender: Sender) -> str:
    """Return the criteria that find the patient of an identifier (CX)."""
    value = field.value(1).strip()
    if not value or field.is_null:
        return ""
    authority = [field.value(4, part) for part in (1, 2, 3)]
    if not any(authority):
        return f"identifier={quote(value, safe='')}"
    return identifier_key(sender.authority(*authority, field.value(5).strip()), value)


def domains_of(asked: Segment, number: int, sender: Sender) -> frozenset[str]:
    """Return the systems of identifiers that are wanted in the answer."""
    authorities = [[one.value(4, part) for part in (1, 2, 3)] for one in asked.repetitions(number) if one]
    return frozenset(sender.authority(*parts, "") for parts in authorities if any(parts))


def limit_of(control: Segment | None) -> int:
    """Return how many patients the answer may hold: RCP-2 (10^RD), at most `MOST`."""
    told = counted(control.value(2)) if control else None
    return min(told or MOST, MOST)


def rows(query: PatientQuery, patients: Sequence[Resource], partner: Partner) -> Callable[[Writer], None]:
    """Return what writes the answer: a PID for each patient, with the identifiers that are wanted."""

    def write(writer: Writer) -> None:
        for number, patient in enumerate(patients[: query.limit], 1):
            wanted = [
                one for one in patient.get("identifier", ()) if not query.domains or one.get("system") in query.domains
            ]
            contacts = patient.get("telecom", ())
            writer.segment(
                "PID",
                {
                    1: str(number),
                    3: repeated(cx(one, partner) for one in wanted),
                    5: repeated(map(xpn, patient.get("name", ()))),
                    7: time(patient.get("birthDate")),
                    8: code("gender", patient.get("gender")),
                    11: repeated(map(xad, patient.get("address", ()))),
                    13: repeated(xtn(one) for one in contacts if one.get("use") != "work"),
                    14: repeated(xtn(one) for one in contacts if one.get("use") == "work"),
                },
            )

    return write


def found_none(query: PatientQuery) -> ConversionError | None:
    """Return the error of a query for a person whom nobody knows; None when finding nobody is an answer."""
    if not query.by_id:
        return None
    return ConversionError("204", "nobody is known by this identifier", segment="QPD", field=3)
