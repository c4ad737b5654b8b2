"""PID, PD1, NK1 and PV1: the patient and the visit, as every message has them; and ADT for a patient's own news.

Spec: https://hl7.org/fhir/R4/patient.html, https://hl7.org/fhir/R4/encounter.html
"""

from typing import Any, Final

from hl7_bridge.er7 import Repeated, Value
from hl7_bridge.outbound.draft import Draft, OutboundError
from hl7_bridge.outbound.elements import Element, ce, cx, repeated, time, xad, xpn, xtn
from hl7_bridge.outbound.people import organization, person, place
from hl7_bridge.outbound.setting import Resource, Setting
from hl7_bridge.outbound.vocabulary import code, code_of

_PATIENT: Final = "http://hl7.org/fhir/StructureDefinition/patient-"
_EVENTS: Final = {"create": ("A28", "ADT_A05"), "update": ("A31", "ADT_A05"), "delete": ("A29", "ADT_A21")}


def patient_message(setting: Setting) -> Draft:
    """Return ADT A28 (new), A31 (changed), A29 (deleted) or A40 (merged into another one) of a Patient."""
    survivor = _survivor(setting)
    if survivor and setting.event != "delete":
        return _merge(setting, survivor)
    trigger, structure = _EVENTS[setting.event]
    draft = Draft("ADT", trigger, structure)
    draft.add("EVN", {1: trigger, 2: time(setting.occurred)})
    add_patient(draft, setting, setting.resource)
    if trigger != "A29":
        for number, contact in enumerate(setting.resource.get("contact", ()), 1):
            draft.add("NK1", _next_of_kin(number, contact, setting))
    draft.add("PV1", {1: "1", 2: "N"})
    return draft


def _survivor(setting: Setting) -> Resource | None:
    """Return the Patient that has replaced this one, where it is known."""
    replaced = [one.get("other") for one in setting.resource.get("link", ()) if one.get("type") == "replaced-by"]
    return next(iter(setting.every(replaced)), None)


def _merge(setting: Setting, survivor: Resource) -> Draft:
    draft = Draft("ADT", "A40", "ADT_A39")
    draft.add("EVN", {1: "A40", 2: time(setting.occurred)})
    add_patient(draft, setting, survivor)
    old = setting.resource
    draft.add("MRG", {1: _numbers(old, setting), 7: repeated(map(xpn, old.get("name", ())))})
    return draft


def subject(setting: Setting, reference: Element | None, expression: str) -> Resource:
    """Return the Patient that a resource is about.

    Errors: OutboundError when it is none, or not known
    """
    found = setting.get(reference)
    if found is None or found.get("resourceType") != "Patient":
        raise OutboundError(expression, "a message needs a known Patient")
    return found


def add_patient(draft: Draft, setting: Setting, patient: Resource) -> None:
    """Add PID, and PD1 where there is something to say in it."""
    draft.add("PID", {**_identification(patient, setting), **_circumstances(patient, setting)})
    about = setting.about(patient)
    carers = patient.get("generalPractitioner", ())
    practices = repeated(organization(one, about) for one in carers if _is_organization(one))
    people = repeated(person(one, about) for one in carers if not _is_organization(one))
    if practices or people:
        draft.add("PD1", {3: practices, 4: people})


def add_identity(draft: Draft, setting: Setting, patient: Resource) -> None:
    """Add a PID that says who the patient is, and no more: what an insurer or a cashier needs."""
    draft.add("PID", _identification(patient, setting))


def _is_organization(reference: Element) -> bool:
    return "Organization/" in reference.get("reference", "")


def _identification(patient: Resource, setting: Setting) -> dict[int, Value]:
    return {
        1: "1",
        3: _numbers(patient, setting),
        5: repeated(map(xpn, patient.get("name", ()))),
        7: time(patient.get("birthDate")),
        8: code("gender", patient.get("gender")),
        11: repeated(map(xad, patient.get("address", ()))),
    }


def _circumstances(patient: Resource, setting: Setting) -> dict[int, Value]:
    contacts = patient.get("telecom", ())
    return {
        6: _extension(patient, "mothersMaidenName", "valueString") or "",
        13: repeated(xtn(one) for one in contacts if one.get("use") != "work"),
        14: repeated(xtn(one) for one in contacts if one.get("use") == "work"),
        15: _language(patient, setting),
        16: _marital_status(patient, setting),
        17: ce(_extension(patient, "religion", "valueCodeableConcept"), setting.partner),
        23: (_extension(patient, "birthPlace", "valueAddress") or {}).get("text", ""),
        24: _yes_no(patient.get("multipleBirthBoolean", "multipleBirthInteger" in patient or None)),
        25: str(patient.get("multipleBirthInteger", "")),
        29: time(patient.get("deceasedDateTime")),
        30: _yes_no(patient.get("deceasedBoolean", "deceasedDateTime" in patient or None)),
    }


def _numbers(patient: Resource, setting: Setting) -> Repeated:
    """Return the patient's identifiers; the logical id, as the sender's own number, when it has no other."""
    found = repeated(cx(one, setting.partner) for one in patient.get("identifier", ()))
    own = (patient.get("id", ""), "", "", setting.partner.authority(None), "PI")
    return found or Repeated([own])


def _language(patient: Resource, setting: Setting) -> Value:
    languages = patient.get("communication", ())
    preferred = next((one for one in languages if one.get("preferred")), languages[0] if languages else {})
    return ce(preferred.get("language"), setting.partner)


def _marital_status(patient: Resource, setting: Setting) -> Value:
    status = patient.get("maritalStatus")
    known = code_of("marital-status", status)
    return (known, status.get("text", ""), "HL70002") if known and status else ce(status, setting.partner)


def _extension(resource: Resource, name: str, value: str) -> Any:
    extensions = resource.get("extension", ())
    return next((one.get(value) for one in extensions if one.get("url") == _PATIENT + name), None)


def _yes_no(value: bool | None) -> str:
    return "" if value is None else "Y" if value else "N"


def _next_of_kin(number: int, contact: Element, setting: Setting) -> dict[int, Value]:
    relations = contact.get("relationship", ())
    meant = next((one for one in relations if code_of("relationship", one)), None)
    roles = [
        coding for one in relations for coding in one.get("coding", ()) if coding.get("system", "").endswith("v2-0131")
    ]
    period = contact.get("period", {})
    return {
        1: str(number),
        2: xpn(contact.get("name", {})),
        3: (code_of("relationship", meant), "", "HL70063")
        if meant
        else ce(relations[0], setting.partner)
        if relations and not roles
        else "",
        4: xad(contact.get("address", {})),
        5: repeated(map(xtn, contact.get("telecom", ()))),
        7: ce({"coding": roles}, setting.partner),
        8: time(period.get("start", "")[:10]),
        9: time(period.get("end", "")[:10]),
        13: organization(contact.get("organization"), setting),
        15: code("gender", contact.get("gender")),
    }


def add_visit(draft: Draft, setting: Setting, reference: Element | None) -> None:
    """Add PV1 of an Encounter, where it is known."""
    encounter = setting.get(reference)
    if encounter is None:
        return
    about = setting.about(encounter)
    places = encounter.get("location", ())
    current = next(
        (one for one in places if one.get("status", "active") in ("active", "planned")), places[0] if places else {}
    )
    numbers = [one for one in encounter.get("identifier", ()) if one.get("value")]
    period = encounter.get("period", {})
    draft.add(
        "PV1",
        {
            1: "1",
            2: code("patient-class", encounter.get("class", {}).get("code"), "U"),
            3: place(current.get("location"), about),
            7: _participants(encounter, about, "ATND"),
            8: _participants(encounter, about, "REF"),
            9: _participants(encounter, about, "CON"),
            17: _participants(encounter, about, "ADM"),
            19: cx(numbers[0], setting.partner, "VN") if numbers else "",
            44: time(period.get("start")),
            45: time(period.get("end")),
        },
    )


def _participants(encounter: Resource, about: Setting, role: str) -> Repeated:
    people = [
        one.get("individual")
        for one in encounter.get("participant", ())
        if any(coding.get("code") == role for kind in one.get("type", ()) for coding in kind.get("coding", ()))
    ]
    return repeated(person(one, about) for one in people)
