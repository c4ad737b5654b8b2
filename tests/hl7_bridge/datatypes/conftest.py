import pytest

from hl7_bridge.mapping.context import Context
from tests.hl7_bridge.datatypes.fields import context as made


@pytest.fixture(scope="module")
def context() -> Context:
    return made()
