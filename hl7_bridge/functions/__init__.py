"""The functions that maps may `call`, and that roles may `finish` with, by name.

Spec: https://hl7.org/fhir/R4/mapping-language.html
"""

from collections.abc import Mapping
from types import MappingProxyType

from hl7_bridge.functions import (
    billing,
    care,
    claims,
    documents,
    dosage,
    eligibility,
    immunization,
    insurance,
    laboratories,
    masterfiles,
    medication,
    merging,
    money,
    notes,
    observations,
    orders,
    participation,
    parties,
    people,
    remittance,
    scheduling,
    visits,
)
from hl7_bridge.mapping.functions import Function

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        **care.FUNCTIONS,
        **immunization.FUNCTIONS,
        **laboratories.FUNCTIONS,
        **merging.FUNCTIONS,
        **notes.FUNCTIONS,
        **observations.FUNCTIONS,
        **orders.FUNCTIONS,
        **people.FUNCTIONS,
        **scheduling.FUNCTIONS,
        **visits.FUNCTIONS,
        **insurance.FUNCTIONS,
        **money.FUNCTIONS,
        **participation.FUNCTIONS,
        **parties.FUNCTIONS,
        **documents.FUNCTIONS,
        **medication.FUNCTIONS,
        **dosage.FUNCTIONS,
        **claims.FUNCTIONS,
        **eligibility.FUNCTIONS,
        **remittance.FUNCTIONS,
        **masterfiles.FUNCTIONS,
        **billing.FUNCTIONS,
    }
)
"""Every function; a module of functions adds its table here."""
