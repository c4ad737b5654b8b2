"""The table of curated fields agrees with FHIR's definitions, and with what MongoDB can index."""

import pytest

from conformance.load import definitions
from fhir_server.search import Search
from fhir_server.search.fields import of_type, table, unions
from fhir_server.search.registry import registry

DEFINITIONS = definitions()
REGISTRY = registry(DEFINITIONS)
SEARCH = Search(DEFINITIONS)


def element_repeats(type_: str, expression: str) -> bool:
    """Tell whether any element on any path of an expression may repeat; filters and casts are looked through."""
    paths = [branch.strip(" ()").replace("(", " ").split()[0].split(".") for branch in expression.split("|")]
    if len({tuple(path[:2]) for path in paths}) > 1:
        return True
    for path in paths:
        owner = type_
        for name in path[1:]:
            elements = DEFINITIONS.types[owner].elements
            element = elements.get(name) or elements.get(f"{name}[x]")
            if element is None:
                break  # a function: where(…), as(…)
            if element.is_array:
                return True
            owner = element.types[0]
    return False


@pytest.mark.parametrize("type_", sorted(table()))
def test_single_parameters_select_at_most_one_element(type_: str) -> None:
    for code in table()[type_].single:
        expression = REGISTRY[type_][code].definition.expression
        assert expression is not None
        assert not element_repeats(type_, expression), (type_, code)


@pytest.mark.parametrize("type_", sorted(table()))
def test_no_index_holds_two_arrays(type_: str) -> None:
    row = of_type(type_)
    for index in row.indexes:
        codes = [code for code in (*index.equals, index.ordered) if code]
        assert len([code for code in codes if code not in row.single]) <= 1, (type_, codes)


def test_unions_select_what_their_parts_select() -> None:
    for type_ in table():
        for code, parts in unions(type_).items():
            whole = REGISTRY[type_][code].definition.expression or ""
            pieces = [REGISTRY[type_][part].definition.expression or "" for part in parts]
            assert sorted(b.strip() for b in whole.split("|")) == sorted(
                b.strip() for piece in pieces for b in piece.split("|")
            ), (type_, code)


def test_names_of_indexes_are_unique_and_within_mongodbs_limits() -> None:
    for type_ in REGISTRY:
        specs = SEARCH.indexes(type_)
        assert len({spec.name for spec in specs}) == len(specs) <= 62
        assert len({spec.keys for spec in specs}) == len(specs)
        assert all(len(spec.keys) <= 31 for spec in specs)


@pytest.mark.parametrize("type_", sorted(table()))
def test_every_own_field_begins_an_index(type_: str) -> None:
    """Else a search by that parameter alone would look at every resource."""
    row = of_type(type_)
    assert row.own == {index.equals[0] if index.equals else index.ordered for index in row.indexes}
