"""Messages with faults: converted, or refused with a reason; never anything else, and never a dangling reference."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hl7_bridge.convert import ConversionError
from hl7_bridge.er7 import Er7Error, parse
from tests.hl7_bridge.maps.converted import converter

RECEIVED = datetime(2024, 3, 5, tzinfo=UTC)
MESSAGES = [
    "\r".join(lines).encode()
    for lines in (
        (
            "MSH|^~\\&|LAB7|NORTH|||20240305101500+0100||ORU^R01^ORU_R01|1|P|2.5.1",
            "PID|1||778899^^^CITYHOSP&1.2.3&ISO^MR||LINDQVIST^MARTA^E||19790412|F|||4 BIRCH RD^^UPPSALA|||1^PRN^PH",
            "ORC|RE|P1^W|F1^L",
            "OBR|1|P1^W|F1^L|24323-8^CMP^LN|||20240305|||||||||123^SMITH^ADAM||||||20240305||CH|F",
            "NTE|1||Fasting",
            "OBX|1|NM|2345-7^Glucose^LN||5.4~6|mmol/L|3.9-5.8|N~H|||F|||20240305|||9^DOE^J|M^Method",
            "OBX|2|SN|2951-2^Sodium^LN|1|^10^-^20|g",
            "OBX|3|ED|PDF^Report^L||^AP^PDF^Base64^JVBERi0xLjQ=",
            "SPM|1|S1&L^T1&L||BLD|||||||||||||202403050800^202403050900",
        ),
        (
            "MSH|^~\\&|ADT|H|||20240305||ADT^A01|2|P|2.3",
            "EVN|A01|20240305|||C08^WOOLFSON^K",
            "PID|1|55|1^^^H^MR~9^^^USSSA^SS||A&B&C^D^^^^^L||1979|M||2106-3^White||||||M|LUT|ACC1",
            "NK1|1|LINDQVIST^ERIK|SPO^Spouse^HL70063",
            "PV1|1|I|W^1^A||||55^HOUSE^GREG|||CAR|||||||57^W^J||V1^^^H" + "|" * 25 + "20240305",
            "AL1|1|DA|P^Penicillin|SV|Hives",
            "DG1|1||I21.9^Infarction^I10||20240305|A",
            "IN1|1|GOLD^Gold|INS1|First Insurance",
        ),
    )
]
PIECES = [
    b"|",
    b"^",
    b"~",
    b"&",
    b"\\",
    b'""',
    b"\r",
    b"99999999",
    b"NM",
    b"\xff",
    b"\x00",
    b"<x>",
    b"",
    b"\\X0D\\",
    b" ",
]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    raw = draw(st.sampled_from(MESSAGES))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(4, max(4, len(raw) - 1)))
        cut = draw(st.sampled_from([0, 1, 3, 12]))
        raw = raw[:start] + draw(st.sampled_from(PIECES)) + raw[start + cut :]
    return raw


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_faulty_message_is_converted_or_refused(raw: bytes) -> None:
    try:
        found = converter().convert(parse(raw), received=RECEIVED)
    except (ConversionError, Er7Error):
        return
    known = {one.full_url for one in found.entries}
    assert {name for one in found.entries for name in references(one.resource)} <= known
    assert len(known) == len(found.entries)
    keys = [(one.resource["resourceType"], one.key) for one in found.entries if one.key]
    assert len(set(keys)) == len(keys)
