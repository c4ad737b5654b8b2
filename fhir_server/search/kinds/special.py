"""special: `near` on Location, the only parameter of its kind that has values of its own.

Stored: a GeoJSON point.
Spec: https://hl7.org/fhir/R4/location.html#positional
"""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal, InvalidOperation
from math import pi
from typing import Any

from conformance.paths import Typed
from fhir_server.kernel.query import Filter
from fhir_server.search.context import Context
from fhir_server.search.fields import Field
from fhir_server.search.kinds.kind import Kind, bad_value
from fhir_server.search.syntax import split

_EARTH_RADIUS_KM = 6371.0088
_KM: Mapping[str, float] = {"km": 1.0, "m": 0.001, "[mi_us]": 1.609347, "[mi_i]": 1.609344, "mi": 1.609344}
_WITHOUT_DISTANCE_KM = 50.0
"""What "near" means when the client does not say: the standard leaves it to the server."""


def _points(values: Sequence[Typed], _zone: tzinfo) -> list[dict[str, Any]]:
    return [point for value, _ in values if (point := _point(value)) is not None]


def _point(position: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the point of a position; one that is not on Earth cannot be indexed, and nothing is near it."""
    longitude, latitude = float(position["longitude"]), float(position["latitude"])
    if abs(longitude) > 180 or abs(latitude) > 90:
        return None
    return {"type": "Point", "coordinates": [longitude, latitude]}


def _condition(text: str, _modifier: str | None, where: Field, _context: Context) -> Filter:
    latitude, longitude, distance, unit = _parts(text)
    try:
        center = [float(Decimal(longitude)), float(Decimal(latitude))]
        reach = float(Decimal(distance)) * _KM[unit] if distance else _WITHOUT_DISTANCE_KM
    except (InvalidOperation, KeyError, ValueError):
        raise bad_value(f"near is latitude|longitude|distance|unit, the unit one of {', '.join(_KM)}") from None
    if not (abs(center[0]) <= 180 and abs(center[1]) <= 90 and reach >= 0):
        raise bad_value("near needs a latitude, a longitude and a distance on Earth")
    return {where.path: {"$geoWithin": {"$centerSphere": [center, min(reach / _EARTH_RADIUS_KM, pi)]}}}


def _parts(text: str) -> tuple[str, str, str, str]:
    match split(text, "|"):
        case [latitude, longitude]:
            return latitude, longitude, "", "km"
        case [latitude, longitude, distance]:
            return latitude, longitude, distance, "km"
        case [latitude, longitude, distance, unit]:
            return latitude, longitude, distance, unit or "km"
        case _:
            raise bad_value("near is latitude|longitude|distance|unit")


def _near(text: str, where: Field, context: Context) -> Filter:
    return _condition(text, None, where, context)


KIND = Kind(extract={"": _points}, condition=_condition, comparisons={"eq": _near})
