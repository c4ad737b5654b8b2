"""FHIRPath Patch: add, insert, delete, replace and move on places that paths name."""

import copy
from typing import Any

import pytest

from conformance import definitions
from conformance.walk import Validator
from fhir_server.kernel.errors import FhirError, Invalid, TooCostly, Unprocessable
from fhir_server.resources.patch import fhirpath_patch

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "contained": [{"resourceType": "Organization", "id": "o", "name": "Old"}],
    "identifier": [{"system": "http://s", "value": value} for value in "abc"],
    "name": [
        {"use": "official", "given": ["Ann", "Bo"], "_given": [None, {"extension": [{"url": "u", "valueCode": "c"}]}]},
        {"use": "usual", "text": "A", "period": {"start": "2024"}},
    ],
    "birthDate": "1980-01-01",
    "_birthDate": {"extension": [{"url": "http://x/time", "valueDateTime": "1980-01-01T10:00:00Z"}]},
    "deceasedBoolean": False,
    "maritalStatus": {"text": "M"},
    "generalPractitioner": [{"reference": "#o"}],
}
IDENTIFIERS: list[dict[str, Any]] = PATIENT["identifier"]
NAMES: list[dict[str, Any]] = PATIENT["name"]


def operation(type_: str, path: str, *parts: dict[str, Any], **numbers: int) -> dict[str, Any]:
    counted = [{"name": name, "valueInteger": number} for name, number in numbers.items()]
    fixed = [{"name": "type", "valueCode": type_}, {"name": "path", "valueString": path}]
    return {"name": "operation", "part": [*fixed, *parts, *counted]}


def parameters(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(operations)}


def patched(*operations: dict[str, Any]) -> dict[str, Any]:
    return fhirpath_patch(PATIENT, parameters(*operations), definitions())


def named(name: str) -> dict[str, Any]:
    return {"name": "name", "valueString": name}


def value(**content: Any) -> dict[str, Any]:
    return {"name": "value", **content}


GIVEN_TWIN = NAMES[0]["_given"][1]
GENDER_UNKNOWN = {"extension": [{"url": "u", "valueCode": "unknown"}]}
CONTACT_PARTS = [
    {"name": "relationship", "valueCodeableConcept": {"text": "r"}},
    {"name": "relationship", "valueCodeableConcept": {"text": "s"}},
    {
        "name": "name",
        "part": [{"name": "given", "valueString": "Di"}, {"name": "given", "_valueString": {"id": "1"}}],
    },
    {"name": "gender", "valueCode": "female"},
]
CONTACT = {
    "relationship": [{"text": "r"}, {"text": "s"}],
    "name": {"given": ["Di", None], "_given": [None, {"id": "1"}]},
    "gender": "female",
}
EXTENSION_PARTS = [{"name": "url", "valueUri": "u"}, {"name": "value", "valueInteger": 1}]
BASIC = {"resourceType": "Basic", "id": "b"}
ORGANIZATION: dict[str, Any] = PATIENT["contained"][0]
USUAL = "Patient.name.where(use = 'usual')"

ADDS = [
    ("Patient", "gender", {"valueCode": "male"}, {"gender": "male"}),
    ("Patient", "gender", {"valueString": "male"}, {"gender": "male"}),
    ("Patient", "gender", {"_valueCode": GENDER_UNKNOWN}, {"_gender": GENDER_UNKNOWN}),
    ("Patient", "multipleBirth", {"valueInteger": 2}, {"multipleBirthInteger": 2}),
    ("Patient", "multipleBirthInteger", {"valueInteger": 2}, {"multipleBirthInteger": 2}),
    ("Patient", "identifier", {"valueIdentifier": {"value": "d"}}, {"identifier": [*IDENTIFIERS, {"value": "d"}]}),
    (USUAL, "given", {"valueString": "Cy"}, {"name": [NAMES[0], {**NAMES[1], "given": ["Cy"]}]}),
    ("Patient.maritalStatus", "coding", {"valueCoding": {}}, {"maritalStatus": {"text": "M", "coding": [{}]}}),
    (
        "Patient.name.last().period",
        "end",
        {"valueDateTime": "2025"},
        {"name": [NAMES[0], {**NAMES[1], "period": {"start": "2024", "end": "2025"}}]},
    ),
    (
        "Patient.deceased",
        "extension",
        {"part": EXTENSION_PARTS},
        {"_deceasedBoolean": {"extension": [{"url": "u", "valueInteger": 1}]}},
    ),
    ("Patient", "contained", {"resource": BASIC}, {"contained": [ORGANIZATION, BASIC]}),
    (
        "Patient.contained.ofType(Organization)",
        "active",
        {"valueBoolean": True},
        {"contained": [{**ORGANIZATION, "active": True}]},
    ),
    ("Patient", "contact", {"part": CONTACT_PARTS}, {"contact": [CONTACT]}),
]


@pytest.mark.parametrize(("path", "name", "content", "changed"), ADDS)
def test_add_appends_or_sets_what_is_not_there(
    path: str, name: str, content: dict[str, Any], changed: dict[str, Any]
) -> None:
    assert patched(operation("add", path, named(name), value(**content))) == {**PATIENT, **changed}


def test_choice_elements_inside_of_parts_get_their_type_into_the_name() -> None:
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "bp"}}
    parts = [
        {"name": "code", "valueCodeableConcept": {"text": "sys"}},
        {"name": "value", "valueQuantity": {"value": 120}},
    ]
    result = fhirpath_patch(
        observation, parameters(operation("add", "Observation", named("component"), value(part=parts))), definitions()
    )
    assert result["component"] == [{"code": {"text": "sys"}, "valueQuantity": {"value": 120}}]
    assert Validator(definitions()).issues(result) == []


@pytest.mark.parametrize(
    ("index", "expected"), [(0, "dabc"), (2, "abdc"), (3, "abcd")], ids=["first", "middle", "last"]
)
def test_insert_puts_a_value_before_the_index(index: int, expected: str) -> None:
    result = patched(operation("insert", "Patient.identifier", value(valueIdentifier={"value": "d"}), index=index))
    assert "".join(identifier["value"] for identifier in result["identifier"]) == expected


def test_insert_keeps_extensions_beside_their_values() -> None:
    result = patched(operation("insert", "Patient.name[0].given", value(valueString="Cy"), index=1))
    assert result["name"][0]["given"] == ["Ann", "Cy", "Bo"]
    assert result["name"][0]["_given"] == [None, None, NAMES[0]["_given"][1]]


def test_insert_opens_a_list_that_is_not_there() -> None:
    result = patched(operation("insert", "Patient.name[1].given", value(valueString="Cy"), index=0))
    assert result["name"][1]["given"] == ["Cy"]


@pytest.mark.parametrize(
    ("path", "changed", "gone"),
    [
        ("Patient.birthDate", {}, {"birthDate", "_birthDate"}),
        ("Patient.birthDate.extension('http://x/time')", {}, {"_birthDate"}),
        ("Patient.deceased", {}, {"deceasedBoolean"}),
        ("Patient.deceased.ofType(boolean)", {}, {"deceasedBoolean"}),
        ("Patient.deceased as dateTime", {}, set()),
        ("Patient.gender", {}, set()),
        ("Patient.name.where(use = 'nickname')", {}, set()),
        ("Observation.status", {}, set()),
        ("Patient.identifier[1]", {"identifier": [IDENTIFIERS[0], IDENTIFIERS[2]]}, set()),
        ("Patient.identifier.where(value = 'c' and system = 'http://s')", {"identifier": IDENTIFIERS[:2]}, set()),
        ("%resource.identifier.skip(1).take(1).single()", {"identifier": [IDENTIFIERS[0], IDENTIFIERS[2]]}, set()),
        ("Patient.identifier.tail().first()", {"identifier": [IDENTIFIERS[0], IDENTIFIERS[2]]}, set()),
        ("Patient.generalPractitioner[0]", {}, {"generalPractitioner"}),
        ("Patient.generalPractitioner.reference", {}, {"generalPractitioner"}),
        ("Patient.maritalStatus.text", {}, {"maritalStatus"}),
        ("Patient.name[1].period.start", {"name": [NAMES[0], {"use": "usual", "text": "A"}]}, set()),
        ("Patient.name.given[0]", {"name": [{**NAMES[0], "given": ["Bo"], "_given": [GIVEN_TWIN]}, NAMES[1]]}, set()),
        ("Patient.name.given.where($this = 'Bo')", {"name": [{"use": "official", "given": ["Ann"]}, NAMES[1]]}, set()),
        ("Patient.name.given.extension", {"name": [{"use": "official", "given": ["Ann", "Bo"]}, NAMES[1]]}, set()),
        ("Patient.contained.name", {"contained": [{"resourceType": "Organization", "id": "o"}]}, set()),
    ],
)
def test_delete_takes_an_element_away_and_what_it_leaves_empty(
    path: str, changed: dict[str, Any], gone: set[str]
) -> None:
    expected = {key: child for key, child in {**PATIENT, **changed}.items() if key not in gone}
    assert patched(operation("delete", path)) == expected


def test_delete_takes_away_a_primitive_that_had_only_extensions() -> None:
    patient = {"resourceType": "Patient", "name": [{"_family": {"extension": [{"url": "u"}]}}], "active": True}
    result = fhirpath_patch(patient, parameters(operation("delete", "Patient.name.family.extension")), definitions())
    assert result == {"resourceType": "Patient", "active": True}


@pytest.mark.parametrize(
    ("path", "content", "changed", "gone"),
    [
        ("Patient.birthDate", {"valueDate": "1990"}, {"birthDate": "1990"}, {"_birthDate"}),
        ("Patient.deceased", {"valueBoolean": True}, {"deceasedBoolean": True}, set()),
        ("Patient.deceased", {"valueDateTime": "2024"}, {"deceasedDateTime": "2024"}, {"deceasedBoolean"}),
        (
            "Patient.identifier[1].value",
            {"valueString": "z"},
            {"identifier": [IDENTIFIERS[0], {"system": "http://s", "value": "z"}, IDENTIFIERS[2]]},
            set(),
        ),
        ("Patient.maritalStatus", {"valueCodeableConcept": {"text": "S"}}, {"maritalStatus": {"text": "S"}}, set()),
        (
            "Patient.name[0].given[1]",
            {"valueString": "Cy"},
            {"name": [{"use": "official", "given": ["Ann", "Cy"]}, NAMES[1]]},
            set(),
        ),
        (
            "Patient.birthDate.extension.value",
            {"valueString": "s"},
            {"_birthDate": {"extension": [{"url": "http://x/time", "valueString": "s"}]}},
            set(),
        ),
        ("Patient.contained[0]", {"resource": BASIC}, {"contained": [BASIC]}, set()),
    ],
)
def test_replace_puts_a_value_in_the_place_of_another(
    path: str, content: dict[str, Any], changed: dict[str, Any], gone: set[str]
) -> None:
    expected = {key: child for key, child in {**PATIENT, **changed}.items() if key not in gone}
    assert patched(operation("replace", path, value(**content))) == expected


@pytest.mark.parametrize(
    ("source", "destination", "expected"), [(2, 0, "cab"), (0, 2, "bca"), (1, 1, "abc"), (2, 1, "acb")]
)
def test_move_puts_an_element_where_it_then_stands(source: int, destination: int, expected: str) -> None:
    result = patched(operation("move", "Patient.identifier", source=source, destination=destination))
    assert "".join(identifier["value"] for identifier in result["identifier"]) == expected


def test_operations_see_what_those_before_them_did() -> None:
    result = patched(
        operation("add", "Patient", named("contact"), value(part=[{"name": "gender", "valueCode": "male"}])),
        operation("add", "Patient.contact[0]", named("name"), value(valueHumanName={"text": "x"})),
        operation("replace", "Patient.contact.where(gender = 'male').name.text", value(valueString="y")),
    )
    assert result["contact"] == [{"gender": "male", "name": {"text": "y"}}]


def test_the_resource_and_the_patch_stay_as_they_are() -> None:
    before = copy.deepcopy(PATIENT)
    patch = parameters(
        operation("add", "Patient", named("name"), value(valueHumanName={"text": "x"})),
        operation("add", "Patient.name.last()", named("given"), value(valueString="y")),
        operation("add", "Patient", named("contained"), value(resource={"resourceType": "Basic", "id": "b"})),
        operation("add", "Patient.contained.ofType(Basic)", named("language"), value(valueCode="en")),
        operation("delete", "Patient.identifier[0]"),
    )
    untouched = copy.deepcopy(patch)
    result = fhirpath_patch(PATIENT, patch, definitions())
    assert (PATIENT, patch) == (before, untouched)
    assert result["name"][2] == {"text": "x", "given": ["y"]}


@pytest.mark.parametrize(
    "refused",
    [
        operation("add", "Patient", named("birthDate"), value(valueDate="2024")),
        operation("add", "Patient", named("deceased"), value(valueDateTime="2024")),
        operation("add", "Patient", named("nothing"), value(valueString="x")),
        operation("add", "Patient", named("active"), value(valueString="true")),
        operation("add", "Patient", named("multipleBirth"), value(valueString="2")),
        operation("add", "Patient", named("photo"), value(valueHumanName={})),
        operation("add", "Patient", named("photo"), value(valueAttachment="x")),
        operation("add", "Patient", named("gender"), value(valueCode=None)),
        operation("add", "Patient", named("gender"), value(valueCode=["male"])),
        operation("add", "Patient", named("gender"), value(valueCode="male", valueString="x")),
        operation("add", "Patient", named("gender"), value(valueNothing="male")),
        operation("add", "Patient", named("gender"), value(resource={})),
        operation("add", "Patient", named("gender"), value(part=[{"name": "id", "valueString": "x"}])),
        operation("add", "Patient", named("gender"), value()),
        operation("add", "Patient", named("contact"), value(part=[])),
        operation("add", "Patient", named("contact"), value(part=[{"name": "nothing", "valueString": "x"}])),
        operation("add", "Patient", named("contact"), value(part=[{"valueString": "x"}])),
        operation("add", "Patient", named("contact"), value(part=[{"name": "gender", "valueCode": "male"}] * 2)),
        operation("add", "Patient.identifier", named("value"), value(valueString="x")),
        operation("add", "Patient.photo", named("url"), value(valueUrl="x")),
        operation("insert", "Patient.identifier", value(valueIdentifier={}), index=4),
        operation("insert", "Patient.birthDate", value(valueDate="2024"), index=0),
        operation("insert", "Patient.identifier[0]", value(valueIdentifier={}), index=0),
        operation("insert", "Patient.name.given", value(valueString="x"), index=0),
        operation("delete", "Patient.identifier"),
        operation("delete", "Patient"),
        operation("delete", "Patient.nothing"),
        operation("delete", "Patient.name.select(given)"),
        operation("delete", "Patient.identifier.single()"),
        operation("delete", "Patient.name.where(given.matches('x'))"),
        operation("delete", "Patient.name | Patient.identifier"),
        operation("delete", "'x'"),
        operation("replace", "Patient", value(resource={"resourceType": "Patient"})),
        operation("replace", "Patient.gender", value(valueCode="male")),
        operation("replace", "Patient.name", value(valueHumanName={})),
        operation("move", "Patient.identifier", source=3, destination=0),
        operation("move", "Patient.identifier", source=0, destination=3),
        operation("move", "Patient.birthDate", source=0, destination=0),
    ],
)
def test_an_operation_that_does_not_apply_is_422_and_named(refused: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable) as caught:
        patched(operation("delete", "Patient.photo"), refused)
    assert caught.value.issues[0].expression == "Parameters.parameter[1]"


GOOD = operation("delete", "Patient.photo")


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"resourceType": "Patient"},
        {"resourceType": "Parameters", "parameter": {}},
        parameters({"name": "other", "part": []}),
        parameters({"name": "operation"}),
        parameters({"name": "operation", "part": [1]}),
        parameters({"name": "operation", "part": [{"name": []}]}),
        parameters({"name": "operation", "part": [*GOOD["part"], {"name": "unknown"}]}),
        parameters({"name": "operation", "part": [*GOOD["part"], GOOD["part"][0]]}),
        parameters({"name": "operation", "part": [GOOD["part"][1]]}),
        parameters({"name": "operation", "part": [{"name": "type", "valueCode": "delete"}]}),
        parameters(operation("remove", "Patient.photo")),
        parameters(operation("delete", "")),
        parameters(operation("delete", "Patient..photo")),
        parameters(operation("delete", "Patient.photo", index=1)),
        parameters(operation("add", "Patient", named("gender"))),
        parameters(operation("insert", "Patient.identifier", value(valueIdentifier={}), index=-1)),
        parameters(operation("insert", "Patient.identifier", value(valueIdentifier={}), index=True)),
        parameters(operation("move", "Patient.identifier", source=1)),
    ],
)
def test_parameters_that_are_no_patch_are_400(document: object) -> None:
    with pytest.raises(Invalid):
        fhirpath_patch(PATIENT, document, definitions())


@pytest.mark.parametrize(
    "broken",
    [
        {"given": "x"},
        {"given": 5},
        {"given": [{"a": 1}]},
        {"period": "x"},
        {"period": ["x"]},
        {"extension": "x"},
        {"extension": [1]},
        {"_given": 5},
        {"_family": [1]},
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        "given",
        "given.where($this = 'x')",
        "given.extension('u')",
        "period.start",
        "where(period.start = 'x')",
        "where(extension('u').exists())",
        "extension('u')",
        "family.extension",
    ],
)
def test_no_value_of_a_client_breaks_the_operations_after_it(broken: dict[str, Any], path: str) -> None:
    try:
        patched(
            operation("add", "Patient", named("name"), value(valueHumanName=broken)),
            operation("delete", f"Patient.name[2].{path}"),
            operation("add", "Patient.name[2]", named("given"), value(valueString="x")),
        )
    except FhirError as error:
        assert isinstance(error, Unprocessable)  # noqa: PT017  # succeeding is right, too


def test_a_value_of_a_related_type_fits() -> None:
    condition = {"resourceType": "Condition", "onsetAge": {"value": 3}}
    change = operation("replace", "Condition.onset.value", value(valueInteger=4))
    assert fhirpath_patch(condition, parameters(change), definitions())["onsetAge"] == {"value": 4}
    numerator = {"name": "numerator", "valueAge": {"value": 1}}
    add = operation("add", "Medication", named("amount"), value(part=[numerator]))
    result = fhirpath_patch({"resourceType": "Medication"}, parameters(add), definitions())
    assert result["amount"] == {"numerator": {"value": 1}}


def test_an_element_that_is_no_object_cannot_have_children() -> None:
    broken = {"resourceType": "Patient", "maritalStatus": "M"}
    add = operation("add", "Patient.maritalStatus", named("text"), value(valueString="x"))
    with pytest.raises(Unprocessable):
        fhirpath_patch(broken, parameters(add), definitions())


def test_a_resource_too_deep_to_walk_is_400() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"extension": [deep]}
    with pytest.raises(Invalid):
        fhirpath_patch({"resourceType": "Patient", **deep}, parameters(GOOD), definitions())


def test_the_work_of_a_patch_is_limited() -> None:
    with pytest.raises(TooCostly):
        fhirpath_patch(PATIENT, parameters(*[GOOD] * 4), definitions(), limit=3)
    crowd = {"resourceType": "Patient", "identifier": [{"value": "x"}] * 60_000}
    with pytest.raises(TooCostly):
        fhirpath_patch(crowd, parameters(*[operation("delete", "Patient.identifier[0]")] * 10), definitions())
