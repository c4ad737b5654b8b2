"""The kinds of search parameters: one module each knows how its values are stored and how they are found.

Spec: https://hl7.org/fhir/R4/search.html#ptypes
"""

from collections.abc import Mapping

from conformance.definitions import SearchKind
from fhir_server.search.kinds import date, number, quantity, reference, special, string, token, uri
from fhir_server.search.kinds.kind import Kind

KINDS: Mapping[SearchKind, Kind] = {
    "date": date.KIND,
    "number": number.KIND,
    "quantity": quantity.KIND,
    "reference": reference.KIND,
    "special": special.KIND,
    "string": string.KIND,
    "token": token.KIND,
    "uri": uri.KIND,
}
"""All kinds but composite, which is made of them."""
