"""Documents (MDM T01 to T11)."""

import base64

import pytest

from tests.hl7_bridge.maps.converted import PATIENT, Converted, Resource, codes, convert

TXA = (
    "TXA|1|DS^Discharge summary^HL70270|TX|20240304||20240305093000|||55^WRITER^WILMA|56^SIGNER^SAM||DOC-1^HOSP|"
    "{parent}|{orders}|summary.txt|{completion}|R|{available}"
)
LINES = ("OBX|1|TX|DS^Summary^L||First line||||||F", "OBX|2|TX|DS^Summary^L||Second line||||||F")


def txa(parent: str = "", orders: str = "|", completion: str = "AU", available: str = "AV") -> str:
    return TXA.format(parent=parent, orders=orders, completion=completion, available=available)


def told(event: str, *segments: str) -> Converted:
    return convert(f"MDM^{event}", "EVN||20240305", PATIENT, "PV1|1|I|W^1||||||||||||||||V-9", *segments)


def document(event: str, *segments: str) -> Resource:
    return told(event, *segments).identified("DocumentReference", "summary.txt")


def contents(found: Resource) -> list[Resource]:
    """The attachments but the raw message."""
    return [one["attachment"] for one in found["content"] if "hl7-v2" not in one["attachment"].get("contentType", "")]


def test_document_is_known_by_its_number_and_signed() -> None:
    found = told("T02", txa(), *LINES)
    made = found.identified("DocumentReference", "summary.txt")
    assert made["masterIdentifier"] == {"system": "urn:hl7v2:authority:HOSP", "value": "DOC-1"}
    assert (made["status"], made["docStatus"], codes(made["type"])) == ("current", "final", ["DS"])
    assert made["date"] == "2024-03-05T09:30:00+01:00"
    assert codes(made["securityLabel"][0])[0] == "R"
    assert found.referred(made["author"][0])["name"][0]["family"] == "WRITER"
    assert found.referred(made["authenticator"])["name"][0]["family"] == "SIGNER"
    assert found.referred(made["context"]["encounter"][0])["identifier"][0]["value"] == "V-9"
    assert found.entry("DocumentReference", "summary.txt").key == "identifier=urn:hl7v2:authority:HOSP|DOC-1"


def test_lines_of_text_are_one_attachment() -> None:
    [text] = contents(document("T02", txa(), *LINES))
    assert base64.b64decode(text["data"]).decode() == "First line\nSecond line"
    assert text["title"] == "summary.txt"


def test_blank_lines_between_others_stay() -> None:
    [text] = contents(document("T02", txa(), LINES[0], "OBX|2|TX|DS^Summary^L||", LINES[1], "OBX|4|TX|DS^Summary^L||"))
    assert base64.b64decode(text["data"]).decode() == "First line\n\nSecond line"


def test_raw_message_is_one_more_form_of_the_document() -> None:
    found = told("T02", txa(), *LINES)
    assert len(found.all("DocumentReference")) == 1
    assert len(found.one("DocumentReference")["content"]) == 2


def test_encapsulated_data_and_pointers_are_attachments_of_their_own() -> None:
    pdf = "OBX|1|ED|DS^Summary^L||^application^pdf^Base64^JVBERi0xLjQ=||||||F"
    link = "OBX|2|RP|DS^Images^L||https://images.example.org/1^^IM^JPEG||||||F"
    first, second = contents(document("T02", txa(), pdf, link))
    assert (first["contentType"], first["data"]) == ("application/pdf", "JVBERi0xLjQ=")
    assert (second["contentType"], second["url"]) == ("image/jpeg", "https://images.example.org/1")


def test_attachments_of_several_codes_have_titles_of_their_own() -> None:
    second = "OBX|2|ED|PDF^Signed copy^L||^application^pdf^Base64^JVBERi0xLjQ=||||||F"
    assert [one["title"] for one in contents(document("T02", txa(), LINES[0], second))] == [
        "summary.txt",
        "Signed copy",
    ]


def test_author_who_is_named_twice_is_there_once() -> None:
    named = txa().replace("|TX|20240304||", "|TX|20240304|55^WRITER^WILMA|")
    assert len(document("T02", named, *LINES)["author"]) == 1


def test_study_is_what_the_document_is_about() -> None:
    study = "OBX|1|HD|113014^DICOM Study^DCM||1.2.840.5||||||O"
    [related] = document("T02", txa(), study)["context"]["related"]
    assert related == {
        "identifier": {"system": "urn:dicom:uid", "value": "urn:oid:1.2.840.5"},
        "display": "DICOM Study",
    }


@pytest.mark.parametrize(
    ("completion", "status"),
    [("AU", "final"), ("LA", "final"), ("DI", "preliminary"), ("IP", "preliminary"), ("PA", "preliminary")],
)
def test_completion_is_the_status_of_the_document(completion: str, status: str) -> None:
    assert document("T01", txa(completion=completion))["docStatus"] == status


@pytest.mark.parametrize(
    ("available", "status"), [("AV", "current"), ("", "current"), ("OB", "superseded"), ("CA", "entered-in-error")]
)
def test_availability_is_the_status_of_the_reference(available: str, status: str) -> None:
    assert document("T01", txa(available=available))["status"] == status


def test_cancelled_document_was_entered_in_error_and_stays() -> None:
    found = told("T11", txa())
    made = found.identified("DocumentReference", "summary.txt")
    assert (made["status"], made["docStatus"]) == ("entered-in-error", "entered-in-error")
    assert found.entry("DocumentReference", "summary.txt").intent == "upsert"


@pytest.mark.parametrize("event", ["T05", "T06"])
def test_addendum_appends_to_its_parent(event: str) -> None:
    found = told(event, txa(parent="DOC-0^HOSP"))
    [relation] = found.identified("DocumentReference", "summary.txt")["relatesTo"]
    assert relation["code"] == "appends"
    parent = found.referred(relation["target"])
    assert (parent["masterIdentifier"]["value"], parent["status"]) == ("DOC-0", "current")


@pytest.mark.parametrize("event", ["T09", "T10"])
def test_replacement_supersedes_its_parent_and_leaves_its_content(event: str) -> None:
    found = told(event, txa(parent="DOC-0^HOSP"))
    [relation] = found.identified("DocumentReference", "summary.txt")["relatesTo"]
    [parent] = [one for one in found.conversion.entries if one.full_url == relation["target"]["reference"]]
    assert (relation["code"], parent.resource["status"], parent.intent) == ("replaces", "superseded", "upsert")
    assert parent.merge["content"] == "keep"


def test_message_without_content_leaves_the_content_that_is_stored() -> None:
    assert told("T03", txa()).entry("DocumentReference", "summary.txt").merge["content"] == "union"


def test_message_with_content_replaces_the_content_that_is_stored() -> None:
    assert told("T08", txa(), *LINES).entry("DocumentReference", "summary.txt").merge["content"] == "replace"


def test_document_is_about_the_orders_of_the_message() -> None:
    found = told("T02", "ORC|RE|PL-1^EHR|FI-1^LAB", "OBR|1|PL-1^EHR|FI-1^LAB|93306^Echo^C4", txa(), *LINES)
    [related] = found.identified("DocumentReference", "summary.txt")["context"]["related"]
    assert codes(found.referred(related)["code"]) == ["93306"]


def test_document_names_the_orders_that_the_message_does_not_bring() -> None:
    related = document("T01", txa(orders="PL-1^EHR|FI-1^LAB"))["context"]["related"]
    assert [one["identifier"]["value"] for one in related] == ["PL-1", "FI-1"]


RECORD = (
    "TXA|1|CN^Consult|TX|||20240430101010||20240430121212|9^ORIG^OLA||11^TYPE^TOM|D-77^DOCS|"
    "||||||||typing error||12^COPY^KIM"
)


def test_who_wrote_typed_and_got_a_document_is_recorded_with_the_reason() -> None:
    found = told("T08", RECORD)
    [record] = [one for one in found.all("Provenance") if "reason" in one]
    assert (record["reason"], record["recorded"][:19]) == ([{"text": "typing error"}], "2024-04-30T12:12:12")
    assert found.referred(record["target"][0])["masterIdentifier"]["value"] == "D-77"
    names = [found.referred(agent["who"])["name"][0]["family"] for agent in record["agent"]]
    assert names == ["ORIG", "TYPE", "COPY"]
    assert codes(record["agent"][2]["role"][0]) == ["IRCP"]


def test_document_that_nobody_edited_has_no_record_of_its_own() -> None:
    assert len(told("T02", txa()).all("Provenance")) == 1
