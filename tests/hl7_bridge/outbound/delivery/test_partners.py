"""The file of partners."""

from pathlib import Path

import pytest

from hl7_bridge.outbound import Partner
from hl7_bridge.outbound.delivery import PartnersError, load_partners

GOOD = """
laboratory:
  address: lab.example.org:2575
  tells: [ServiceRequest, Patient]
  sender: [FHIR, CITY]
  receiver: [LAB, NORTH]
  orders: ORM
  authorities: {"urn:oid:1.2": TWO}
  timeout: 5
  final: true
insurer:
  address: "[::1]:9000"
  tells: [Claim]
  tls: true
"""


def load(tmp_path: Path, text: str) -> list[object]:
    (tmp_path / "partners.yaml").write_text(text, "utf-8")
    return list(load_partners(tmp_path / "partners.yaml"))


def test_partners_are_read(tmp_path: Path) -> None:
    (tmp_path / "partners.yaml").write_text(GOOD, "utf-8")
    laboratory, insurer = load_partners(tmp_path / "partners.yaml")
    assert (laboratory.name, laboratory.host, laboratory.port) == ("laboratory", "lab.example.org", 2575)
    assert laboratory.tells == {"ServiceRequest", "Patient"}
    assert (laboratory.timeout, laboratory.final, laboratory.tls) == (5.0, True, None)
    assert laboratory.partner == Partner(
        sender=("FHIR", "CITY"), receiver=("LAB", "NORTH"), orders="ORM", authorities={"urn:oid:1.2": "TWO"}
    )
    assert (insurer.host, insurer.port, insurer.partner.claims) == ("::1", 9000, "EHC")
    assert insurer.tls is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no partners"),
        ("- a", "names no partners"),
        ("a: [", "cannot be read"),
        ("a: 1", "a: is no mapping"),
        ("a: {address: h}", r"a\.address: is not host:port"),
        ("a: {address: 'h:1', tells: [Basic]}", r"a\.tells: takes any of"),
        ("a: {address: 'h:1', tells: []}", r"a\.tells: takes any of"),
        ("a: {address: 'h:1', tells: [Claim], colour: red}", "a: unknown entries: colour"),
        ("a: {address: 'h:1', tells: [Claim], sender: X}", r"a\.sender: is not \[application, facility\]"),
        ("a: {address: 'h:1', tells: [Claim], claims: FAX}", r"a\.claims: is none of EHC, DFT"),
        ("a: {address: 'h:1', tells: [Claim], authorities: 1}", r"a\.authorities: is no mapping"),
        ("a: {address: 'h:1', tells: [Claim], timeout: soon}", r"a\.timeout: is no number"),
        ("a: {address: 'h:1', tells: [Claim], tls: 7}", r"a\.tls: takes"),
        ("a: {address: 'h:1', tells: [Claim], tls: {certificate: no.pem}}", r"a\.tls: FileNotFoundError"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(PartnersError, match=said):
        load(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PartnersError, match="cannot be read: FileNotFoundError"):
        load_partners(tmp_path / "none.yaml")
