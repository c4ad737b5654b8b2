"""OBX, NTE and SPM: observations and specimens, as results and as what goes with an order.

Spec: https://hl7.org/fhir/R4/observation.html, https://hl7.org/fhir/R4/specimen.html
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from hl7_bridge.er7 import Value
from hl7_bridge.outbound.draft import Draft
from hl7_bridge.outbound.elements import Element, annotations, ce, cwe, ei, number, repeated, time, units
from hl7_bridge.outbound.people import organization, person
from hl7_bridge.outbound.setting import Resource, Setting
from hl7_bridge.outbound.vocabulary import code

_ANALYSED: Final = "http://hl7.org/fhir/StructureDefinition/observation-analysisDateTime"


def with_members(observation: Resource, setting: Setting, seen: set[int]) -> Iterator[Resource]:
    """Yield an Observation and its members, each once; a panel that has no value of its own is its members."""
    if id(observation) in seen:
        return
    seen.add(id(observation))
    if _value_name(observation) or "component" in observation or "hasMember" not in observation:
        yield observation
    for member in setting.about(observation).every(observation.get("hasMember")):
        if member.get("resourceType") == "Observation":
            yield from with_members(member, setting, seen)


def add_observation(draft: Draft, setting: Setting, observation: Resource, first: int) -> int:
    """Add the OBX segments of an Observation, from set id `first` on, with its notes; return the next set id.

    Components are OBX segments of their own: they share OBX-4 with each other, and with the whole if it has a value.
    """
    about = setting.about(observation)
    components = observation.get("component", ())
    parts = [observation, *components] if _value_name(observation) or not components else components
    group = str(first) if components else ""
    for place, part in enumerate(parts, first):
        draft.add("OBX", _result(str(place), group, part, about))
    draft.notes([*map(_why_absent, parts), *annotations(observation.get("note"))])
    return first + len(parts)


def _result(set_id: str, group: str, part: Element, about: Setting) -> dict[int, Value]:
    observation, partner = about.resource, about.partner
    kind, value = _value(part, about)
    quantity = part.get("valueQuantity") or part.get("valueRange", {}).get("low") or {}
    performers = observation.get("performer", ())
    analysed = [one.get("valueDateTime") for one in observation.get("extension", ()) if one.get("url") == _ANALYSED]
    return {
        1: set_id,
        2: kind,
        3: ce(part.get("code"), partner),
        4: group,
        5: value,
        6: units(quantity, partner),
        7: _range(part),
        8: repeated((_interpretation(one),) for one in part.get("interpretation", ())),
        11: code("observation-status", observation.get("status"), "F"),
        14: time(observation.get("effectiveDateTime") or observation.get("effectivePeriod", {}).get("start")),
        16: repeated(person(one, about) for one in performers if not _is_organization(one)),
        17: ce(observation.get("method"), partner),
        18: ei(_device(observation, about), partner),
        19: time(analysed[0]) if analysed else "",
        23: next((organization(one, about) for one in performers if _is_organization(one)), ()),
    }


def _is_organization(reference: Element) -> bool:
    return "Organization/" in reference.get("reference", "")


def _device(observation: Resource, about: Setting) -> Element | None:
    device = about.get(observation.get("device")) or {}
    return next((one for one in device.get("identifier", ()) if one.get("value")), None)


def _interpretation(concept: Element) -> str:
    codings = concept.get("coding") or [{}]
    return str(codings[0].get("code") or concept.get("text", ""))


def _range(part: Element) -> str:
    for limits in part.get("referenceRange", ()):
        low, high = limits.get("low", {}).get("value"), limits.get("high", {}).get("value")
        if low is not None and high is not None:
            return f"{number(low)}-{number(high)}"
        if low is not None:
            return f">={number(low)}"
        if high is not None:
            return f"<={number(high)}"
        if limits.get("text"):
            return str(limits["text"])
    return ""


def _quantity(value: Any, _about: Setting) -> tuple[str, Value]:
    if value.get("value") is None:
        return "ST", value.get("unit", "")
    if comparator := value.get("comparator"):
        return "SN", (comparator, number(value["value"]))
    return "NM", number(value["value"])


def _concept(value: Any, about: Setting) -> tuple[str, Value]:
    return "CWE", cwe(value, about.partner)


def _text(value: Any, _about: Setting) -> tuple[str, Value]:
    return ("TX" if "\n" in value or len(value) > 199 else "ST"), value


def _boolean(value: Any, _about: Setting) -> tuple[str, Value]:
    return "CWE", ("Y", "Yes", "HL70136") if value else ("N", "No", "HL70136")


def _range_value(value: Any, _about: Setting) -> tuple[str, Value]:
    low, high = value.get("low", {}).get("value"), value.get("high", {}).get("value")
    if low is None or high is None:
        return "SN", (">=", number(low)) if low is not None else ("<=", number(high))
    return "SN", ("", number(low), "-", number(high))


def _ratio(value: Any, _about: Setting) -> tuple[str, Value]:
    parts = (value.get("numerator", {}).get("value", ""), value.get("denominator", {}).get("value", ""))
    return "SN", ("", number(parts[0]), ":", number(parts[1]))


def _period(value: Any, _about: Setting) -> tuple[str, Value]:
    return "DR", (time(value.get("start")), time(value.get("end")))


def _samples(value: Any, _about: Setting) -> tuple[str, Value]:
    """Samples as text: OBX-5 has room for them only where both sides know the channels of the device."""
    unit = value.get("origin", {}).get("unit", "")
    return "TX", f"{value.get('data', '')} ({unit}, every {number(value.get('period', ''))} ms)"


_VALUES: Final[Mapping[str, Callable[[Any, Setting], tuple[str, Value]]]] = {
    "valueQuantity": _quantity,
    "valueCodeableConcept": _concept,
    "valueString": _text,
    "valueBoolean": _boolean,
    "valueInteger": lambda value, _about: ("NM", str(value)),
    "valueRange": _range_value,
    "valueRatio": _ratio,
    "valuePeriod": _period,
    "valueDateTime": lambda value, _about: ("TS", time(value)),
    "valueTime": lambda value, _about: ("TM", value.replace(":", "")),
    "valueSampledData": _samples,
}
"""The choices of Observation.value[x]."""


def _value_name(part: Element) -> str | None:
    return next((name for name in _VALUES if name in part), None)


def _value(part: Element, about: Setting) -> tuple[str, Value]:
    """Return OBX-2 and OBX-5."""
    name = _value_name(part)
    return _VALUES[name](part[name], about) if name else ("", "")


def _why_absent(part: Element) -> str:
    """Return a note on why there is no value: in OBX-5 the reason would be taken for one."""
    reason = part.get("dataAbsentReason")
    if not reason or _value_name(part):
        return ""
    codings = reason.get("coding") or [{}]
    return f"no value: {reason.get('text') or codings[0].get('display') or codings[0].get('code', '')}"


def add_specimen(draft: Draft, setting: Setting, specimen: Resource, set_id: int) -> None:
    """Add the SPM of a Specimen."""
    partner, collection = setting.partner, specimen.get("collection", {})
    identifiers = [one for one in specimen.get("identifier", ()) if one.get("value")]
    period = collection.get("collectedPeriod", {})
    collected = time(collection.get("collectedDateTime") or period.get("start"))
    filler = ei(identifiers[0], partner) if identifiers else ()
    amount = collection.get("quantity", {})
    draft.add(
        "SPM",
        {
            1: str(set_id),
            2: ("", tuple(map(str, filler))) if filler else "",
            4: cwe(specimen.get("type"), partner) or ("UNK", "unknown", "HL70487"),
            7: cwe(collection.get("method"), partner),
            8: cwe(collection.get("bodySite"), partner),
            12: (number(amount["value"]), tuple(map(str, units(amount, partner)))) if "value" in amount else "",
            14: annotations(specimen.get("note"))[:1],
            17: (collected, time(period.get("end"))),
            18: time(specimen.get("receivedTime")),
            21: repeated(cwe(one, partner) for one in specimen.get("condition", ())),
        },
    )
