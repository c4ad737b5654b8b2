"""Questions about insurance (RQI) and their answers (RPI): is the patient covered, and by what?

Spec: https://hl7.org/fhir/R4/coverageeligibilityrequest.html
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from hl7_bridge.datatypes import people
from hl7_bridge.datatypes.quantities import Parts
from hl7_bridge.er7 import Segment
from hl7_bridge.functions.claims import created, fill_unknown
from hl7_bridge.functions.parties import UNKNOWN
from hl7_bridge.mapping.context import Context, Draft, key_of
from hl7_bridge.mapping.functions import Function
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]


def complete_question(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Finish a question: known by the control id of its message, it asks about the coverages that it brings."""
    header = scope.message.header
    draft.resource["identifier"] = [question_id(header.value(3), header.value(4), header.value(10))]
    covered = [{"focal": number == 0, "coverage": one.reference} for number, one in enumerate(scope.every("Coverage"))]
    if covered:
        draft.resource["insurance"] = covered
    draft.resource["purpose"] = ["validation", "benefits"] if covered else ["discovery"]
    draft.resource["insurer"] = insurer_of(scope, context)
    fill_unknown(draft, created(None, context))


def question_id(application: str, facility: str, control_id: str) -> Element:
    """Return the identifier of a question: its asker and the control id of the message in which it was asked."""
    return {"system": f"urn:hl7v2:sender:{quote(f'{application}|{facility}', safe='')}", "value": control_id}


def insurer_of(scope: Scope, context: Context) -> Element:
    """Return who insures: the payor of a coverage, else the provider that is asked (PRD, RT), else unknown."""
    for coverage in scope.every("Coverage"):
        if payors := coverage.resource.get("payor"):
            return dict(payors[0])
    for segment in scope.message.every("PRD"):
        if segment.value(1).strip().upper() == "RT":
            named = segment.field(10) if segment.field(10) else Parts(segment.value(2).strip())
            if found := people.organization(named, context, None):
                return found
    return UNKNOWN


def complete_answer(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Finish an answer: the question that MSA-2 names, and which of the coverages were in force on its day."""
    header, answered = scope.message.header, scope.message.first("MSA")
    insurer = insurer_of(scope, context)
    draft.resource["insurer"] = insurer
    draft.resource["identifier"] = [question_id(header.value(3), header.value(4), header.value(10))]
    day = str(draft.resource.get("created", ""))[:10]
    covered = [insurance(one, day) for one in scope.every("Coverage")]
    if covered:
        draft.resource["insurance"] = covered
    purpose = ["validation", "benefits"] if covered else ["discovery"]
    draft.resource["purpose"] = purpose
    # The question came from whom the answer goes to.
    identifier = question_id(header.value(5), header.value(6), answered.value(2) if answered else header.value(10))
    question = {
        "resourceType": "CoverageEligibilityRequest",
        "identifier": [identifier],
        "status": "active",
        "purpose": purpose,
        "patient": draft.resource.get("patient", UNKNOWN),
        **created(draft.resource.get("created"), context),
        "insurer": insurer,
    }
    draft.resource["request"] = context.refer(question, key_of(identifier))
    if draft.resource.get("outcome") == "error":
        text = answered.value(3).strip() if answered else ""
        draft.resource["error"] = [{"code": {"text": text or "the question was not answered"}}]
    fill_unknown(draft, {"patient": UNKNOWN} | created(None, context))


def insurance(coverage: Draft, day: str) -> Element:
    """Return what the answer says of a coverage; `day` is when it was given."""
    found: Element = {"coverage": coverage.reference}
    period = coverage.resource.get("period", {})
    if day and period:
        start, end = (str(period.get(name, ""))[:10] for name in ("start", "end"))
        found["inforce"] = (not start or start <= day) and (not end or day[: len(end)] <= end)
        found["benefitPeriod"] = period
    return found


ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")


def answered_message(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put MSA-2 as what the message answers; FHIR has an id there, which not every control id is."""
    control_id = segment.value(2).strip()
    code = {"A": "ok", "E": "transient-error", "R": "fatal-error"}.get(segment.value(1).strip().upper()[-1:], "ok")
    if ID.match(control_id):
        draft.resource["response"] = {"identifier": control_id, "code": code}
    elif control_id:
        context.note("MSA-2", "is no id of FHIR; kept in the raw message only")


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "complete_question": Function(complete_question),
        "complete_answer": Function(complete_answer),
        "answered_message": Function(answered_message, (2, 1), "response"),
    }
)
