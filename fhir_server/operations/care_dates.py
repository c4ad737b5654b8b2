"""When the care that a resource tells of took place: the search parameter of each type that says it.

Spec: https://hl7.org/fhir/R4/patient-operation-everything.html (start, end)
"""

from collections.abc import Mapping

from conformance.definitions import SearchParameter

STANDING = frozenset({"AllergyIntolerance", "Consent", "FamilyMemberHistory", "Flag"})
"""What holds until it is taken back: its date says when it was written down, and care at any time needs it."""

NAMED_OTHERWISE: Mapping[str, str] = {
    "Account": "period",
    "ChargeItem": "occurrence",
    "Claim": "created",
    "ClaimResponse": "created",
    "Communication": "sent",
    "CommunicationRequest": "authored",
    "Condition": "onset-date",
    "CoverageEligibilityRequest": "created",
    "CoverageEligibilityResponse": "created",
    "DetectedIssue": "identified",
    "DeviceRequest": "authored-on",
    "DocumentManifest": "created",
    "ExplanationOfBenefit": "created",
    "Goal": "start-date",
    "ImagingStudy": "started",
    "Media": "created",
    "MedicationAdministration": "effective-time",
    "MedicationDispense": "whenhandedover",
    "MedicationRequest": "authoredon",
    "MedicationStatement": "effective",
    "NutritionOrder": "datetime",
    "Provenance": "recorded",
    "QuestionnaireResponse": "authored",
    "RequestGroup": "authored",
    "ServiceRequest": "authored",
    "Specimen": "collected",
    "VisionPrescription": "datewritten",
}
"""By type, where the parameter is not called `date`."""


def care_date(type_: str, parameters: Mapping[str, SearchParameter]) -> str | None:
    """Return the search parameter that says when the care took place; None for what has no such time."""
    code = NAMED_OTHERWISE.get(type_, "date")
    return code if code in parameters and type_ not in STANDING else None
