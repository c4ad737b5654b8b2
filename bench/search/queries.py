"""The searches that are measured, with their goals, and those whose plans are looked at besides.

Spec: https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias
from urllib.parse import quote

from bench.search.samples import Samples

Urls: TypeAlias = Callable[[Samples], Sequence[str]]
"""Makes the addresses below the base URL, one for each sample."""

PAGE = 20
DEEP = 400
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One search; `goal_ms` None: measured for comparison only. `page` counts from 1, as far as there are pages."""

    name: str
    urls: Urls
    goal_ms: float | None = None
    page: int = 1
    compared: bool = True
    """Whether it may slow down by no more than the limit when the data grows."""


BY_PATIENT_AND_CODE = "Observation?patient&code&_sort=-date&_count=20"
IN_RANGE, IN_RANGE_DEEP = "code + date range, sorted", f"code + date range, sorted, page {DEEP}"
BY_VALUE, BY_VALUE_DEEP = "code + value-quantity", f"code + value-quantity, page {DEEP}"
DEFAULT_TOTAL, NO_TOTAL = "code, default _total", "code, _total=none"


def by_patient_and_code(samples: Samples) -> list[str]:
    codes = [_quoted(one.code) for one in samples.measured]
    return [
        f"/Observation?patient={patient}&code={codes[number % len(codes)]}&_sort=-date&_count={PAGE}"
        for number, patient in enumerate(samples.patients)
    ]


def reads(samples: Samples) -> list[str]:
    return [f"/Observation/{id_}" for id_ in samples.observations]


def _by_value(samples: Samples) -> list[str]:
    return [
        f"/Observation?code={_quoted(one.code)}&value-quantity=gt{_quoted(f'{one.median}|{one.unit}')}&_count={PAGE}"
        for one in samples.measured
    ]


def _in_range(samples: Samples) -> list[str]:
    return [
        f"/Observation?code={_quoted(one.code)}&date=ge{one.after}&date=lt{one.before}&_sort=-date&_count={PAGE}"
        for one in samples.measured
    ]


def _in_week(samples: Samples) -> list[str]:
    return [f"{url}&code={_quoted(one.code)}" for url, one in zip(_week(samples), samples.measured, strict=True)]


def _week(samples: Samples) -> list[str]:
    """Return searches of a few days long ago: most of what is stored is newer."""
    days = [date.fromisoformat(one.after) for one in samples.measured]
    return [f"/Observation?date=ge{day}&date=lt{day + _WEEK}&_sort=-date&_count={PAGE}" for day in days]


def _each(values: Callable[[Samples], Sequence[str]], form: str) -> Urls:
    """Return the addresses of a form with each value in the place of {}."""
    return lambda samples: [form.format(_quoted(value)) for value in values(samples)]


def _quoted(value: str) -> str:
    return quote(value, safe="|/:,")


_TOP: Callable[[Samples], Sequence[str]] = lambda samples: [one.code for one in samples.measured]  # noqa: E731
_FIRST: Callable[[Samples], Sequence[str]] = lambda samples: [samples.measured[0].code]  # noqa: E731
_NONE: Callable[[Samples], Sequence[str]] = lambda _samples: [""]  # noqa: E731

MEASURED: tuple[Measurement, ...] = (
    Measurement("read", reads, 1),
    Measurement("identifier", _each(lambda samples: samples.identifiers, "/Patient?identifier={}"), 1),
    Measurement("name prefix", _each(lambda samples: [name[:6] for name in samples.families], "/Patient?name={}"), 1),
    Measurement(BY_PATIENT_AND_CODE, by_patient_and_code, 1.5),
    Measurement(BY_VALUE, _by_value, 2),
    Measurement(BY_VALUE_DEEP, _by_value, 2, page=DEEP),
    Measurement(IN_RANGE, _in_range, 2),
    Measurement(IN_RANGE_DEEP, _in_range, 2, page=DEEP),
    Measurement("code + one week, sorted", _in_week),
    Measurement("one week, sorted", _week, compared=False),  # ten times the hits are counted, up to the cap
    Measurement(
        "_include on 20 hits",
        _each(
            lambda samples: samples.conditions,
            f"/Condition?code={{}}&_sort=-onset-date&_include=Condition:subject&_count={PAGE}",
        ),
        3,
    ),
    Measurement(
        "_revinclude on 20 hits",
        _each(
            lambda samples: samples.encounters,
            f"/Encounter?type={{}}&_sort=-date&_revinclude=Condition:encounter&_count={PAGE}",
        ),
        3,
    ),
    Measurement(
        "_revinclude of Observations on 20 hits",
        _each(
            lambda samples: samples.encounters,
            f"/Encounter?type={{}}&_sort=-date&_revinclude=Observation:encounter&_count={PAGE}",
        ),
    ),
    Measurement(
        "chained name",
        _each(lambda samples: samples.families, f"/Observation?patient.name={{}}&_sort=-date&_count={PAGE}"),
        10,
    ),
    Measurement(
        "chained name, without order",
        _each(lambda samples: samples.families, f"/Condition?subject:Patient.name={{}}&_count={PAGE}"),
        10,
    ),
    Measurement(
        "_has on a rare code",
        _each(lambda samples: [samples.rare], f"/Patient?_has:Observation:patient:code={{}}&_count={PAGE}"),
        20,
    ),
    Measurement(
        "_has on a frequent code",
        _each(_TOP, f"/Patient?_has:Observation:patient:code={{}}&_count={PAGE}"),
        20,
    ),
    Measurement(
        "_total=accurate of one category",
        _each(_NONE, f"/Observation?category=vital-signs&_total=accurate&_count={PAGE}{{}}"),
        compared=False,
    ),
    Measurement(
        "_total=accurate",
        _each(lambda samples: [",".join(samples.many)], f"/Observation?code={{}}&_total=accurate&_count={PAGE}"),
        30,
        compared=False,
    ),
    Measurement(NO_TOTAL, _each(_FIRST, f"/Observation?code={{}}&_sort=-date&_total=none&_count={PAGE}")),
    Measurement(DEFAULT_TOTAL, _each(_FIRST, f"/Observation?code={{}}&_sort=-date&_count={PAGE}"), compared=False),
    Measurement("$everything", _each(lambda samples: samples.records, "/Patient/{}/$everything?_count=1000"), 8),
)

_PATIENT: Callable[[Samples], Sequence[str]] = lambda samples: samples.patients[:1]  # noqa: E731
_FAMILY: Callable[[Samples], Sequence[str]] = lambda samples: samples.families[:1]  # noqa: E731
_CONDITION: Callable[[Samples], Sequence[str]] = lambda samples: samples.conditions[:1]  # noqa: E731

PLANNED: tuple[Urls, ...] = (
    _each(_NONE, "/Observation?_count=20{}"),
    _each(_NONE, "/Observation?_sort=-date&_count=20{}"),
    _each(_NONE, "/Observation?_sort=date&_count=20{}"),
    _each(_NONE, "/Observation?_sort=_lastUpdated&_count=20{}"),
    _each(_NONE, "/Observation?_sort=-_id&_count=20{}"),
    _each(_NONE, "/Observation?_lastUpdated=gt2020&_sort=-_lastUpdated&_count=20{}"),
    _each(_NONE, "/Observation?date=ge2015-03&date=lt2015-05&_sort=-date&_count=20{}"),
    _each(_NONE, "/Observation?date=2015-03-03&_count=20{}"),
    _each(_NONE, "/Observation?date=ge2015-03-03&date=le2015-03-09&_sort=date&_count=20{}"),
    _each(_NONE, "/Observation?date=ge2015-03-03&date=le2015-03-09&status=final&_count=20{}"),
    _each(_FIRST, "/Observation?code={}&_lastUpdated=gt2020&_sort=-date&_count=20"),
    _each(_FIRST, "/Observation?code={}&_lastUpdated=gt2020&date=ge2015-03&date=lt2015-05&_count=20"),
    _each(_FIRST, "/Observation?code={}&encounter.patient.gender=female&_count=20"),
    _each(_FIRST, "/Observation?code={}&_filter=not (patient.gender eq female)&_count=20"),
    _each(_NONE, "/ExplanationOfBenefit?patient.gender=female&_count=20{}"),
    _each(_NONE, "/ExplanationOfBenefit?coverage.type=x&_count=20{}"),
    _each(_NONE, "/Observation?status=final&_count=20{}"),
    _each(_NONE, "/Observation?category=laboratory&_count=20{}"),
    _each(_NONE, "/Observation?category=laboratory&_sort=-date&_count=20{}"),
    _each(_NONE, "/Observation?value-quantity=gt180|http://unitsofmeasure.org|cm&_count=20{}"),
    _each(_NONE, "/Observation?component-code-value-quantity=8480-6$gt140&_count=20{}"),
    _each(_NONE, "/Observation?combo-code-value-quantity=8480-6$gt140&_count=20{}"),
    _each(_NONE, "/Observation?code-value-quantity=8302-2$gt180&_count=20{}"),
    _each(_FIRST, "/Observation?code={}&_sort=date&_count=20"),
    _each(_FIRST, "/Observation?code:not={}&_count=20"),
    _each(_FIRST, "/Observation?code={}&patient.gender=female&_count=20"),
    _each(_FIRST, "/Observation?code={}&patient.name=den&_sort=-date&_count=20"),
    _each(_FIRST, "/Observation?code={}&date=ge2015-01-01&_sort=-date&_count=20"),
    _each(_FIRST, "/Observation?code={}&status=final&_sort=-date&_count=20"),
    _each(_PATIENT, "/Observation?patient={}&_sort=-date&_count=20"),
    _each(_PATIENT, "/Observation?patient={}&date=ge2010&_sort=-date&_count=20"),
    _each(_PATIENT, "/Observation?patient={}&category=laboratory&_sort=-date&_count=20"),
    _each(_PATIENT, "/Observation?patient={}&code=8302-2,29463-7,39156-5&_sort=-date&_count=20"),
    _each(_PATIENT, "/Observation?subject=Patient/{}&_sort=-date&_count=20"),
    _each(_PATIENT, "/Observation?subject=Patient/{}&code=8302-2&_sort=-date&_count=20"),
    _each(_PATIENT, "/Observation?subject:Patient={}&code=8302-2&_sort=-date&_count=20"),
    _each(_PATIENT, "/Patient/{}/Observation?code=8302-2&_sort=-date&_count=20"),
    _each(_PATIENT, "/Patient/{}/Observation?_sort=-date&_count=20"),
    _each(_PATIENT, "/Patient/{}/*?_count=20"),
    _each(_PATIENT, "/Encounter?patient={}&_sort=-date&_count=20"),
    _each(_PATIENT, "/Condition?patient={}&clinical-status=active&_count=20"),
    _each(_PATIENT, "/Condition?patient={}&_sort=-recorded-date&_count=20"),
    _each(_PATIENT, "/MedicationRequest?patient={}&status=active&_sort=-authoredon&_count=20"),
    _each(_PATIENT, "/DiagnosticReport?patient={}&category=LAB&_sort=-date&_count=20"),
    _each(_PATIENT, "/Immunization?patient={}&_sort=-date&_count=20"),
    _each(_PATIENT, "/Claim?patient={}&_sort=-created&_count=20"),
    _each(_PATIENT, "/Claim?patient={}&status=active&_count=20"),
    _each(_NONE, "/Encounter?date=ge2015-03-03&date=lt2015-03-10&_sort=-date&_count=20{}"),
    _each(_NONE, "/Encounter?status=finished&_sort=-date&_count=20{}"),
    _each(_NONE, "/Encounter?class=AMB&_count=20{}"),
    _each(_CONDITION, "/Condition?code={}&clinical-status=active&_count=20"),
    _each(_CONDITION, "/Condition?code={}&onset-date=ge2010&_sort=-onset-date&_count=20"),
    _each(_NONE, "/Condition?code:text=sinusitis&_count=20{}"),
    _each(_NONE, "/Claim?created=ge2015-01&created=lt2015-02&_count=20{}"),
    _each(_NONE, "/Patient?birthdate=lt1950&_count=20{}"),
    _each(_NONE, "/Patient?birthdate=ge1950&birthdate=lt1960&gender=female&_sort=birthdate&_count=20{}"),
    _each(_NONE, "/Patient?gender=female&_count=20{}"),
    _each(_FAMILY, "/Patient?family:exact={}"),
    _each(_FAMILY, "/Patient?family={}&gender=female&birthdate=gt1900"),
    _each(_NONE, "/Patient?address-city=boston&_count=20{}"),
    _each(_NONE, "/Patient?telecom=555&_count=20{}"),
    _each(_NONE, "/Patient?_tag=https://smarthealthit.org/tags|synthea-5-2019&_count=20{}"),
    _each(_NONE, "/Patient?_profile=http://example.org/none&_count=20{}"),
    _each(_NONE, "/Observation?_tag=https://smarthealthit.org/tags|synthea-5-2019&_sort=-date&_count=20{}"),
    _each(_NONE, "/Organization?name=falmouth&_count=20{}"),
    _each(_NONE, "/Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|500&_count=20{}"),
    _each(_NONE, "/Procedure?code=73761001&_sort=-date&_count=20{}"),
    _each(_NONE, "?_type=Patient,Observation&_lastUpdated=gt2020&_count=20{}"),
)
"""More searches that are documented or common: the first of each is looked at."""

LOOKING_AT_ALL: tuple[Urls, ...] = (
    _each(_NONE, "/Patient?_sort=family,given&_count=20{}"),
    _each(_NONE, "/Patient?gender=female&_sort=family&_count=20{}"),
    _each(_NONE, "/Patient?name:contains=morros&_count=20{}"),
    _each(_NONE, "/Patient?_has:Observation:patient:code=8302-2&gender=female&_sort=family&_count=20{}"),
)
"""Searches that are documented to look at every hit, or at every value: shown, not judged."""
