"""The public names of the package."""

import sys
from dataclasses import is_dataclass

import conformance


def test_every_name_is_there_once_and_in_order() -> None:
    assert sorted(set(conformance.__all__)) == conformance.__all__
    assert all(hasattr(conformance, name) for name in conformance.__all__)


def test_every_kind_of_definition_is_public() -> None:
    # The function `conformance.definitions` hides the module of its name.
    module = sys.modules["conformance.definitions"]
    kinds = {name for name, value in vars(module).items() if is_dataclass(value)}
    assert kinds - set(conformance.__all__) == set()
