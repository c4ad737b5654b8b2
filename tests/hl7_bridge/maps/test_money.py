"""Charges, credits and payments (DFT); accounts, who pays them and when they end (BAR)."""

from datetime import UTC
from decimal import Decimal
from pathlib import Path

import pytest

from hl7_bridge.convert import Converter, load_layers
from hl7_bridge.er7 import parse
from hl7_bridge.mapping.errors import ConversionError
from tests.hl7_bridge.maps.converted import RECEIVED, Converted, Resource, codes, convert, validator

PATIENT = "PID|1||778899^^^CITYHOSP^MR||LINDQVIST^MARTA^E||19790412|F||||||||||ACC-9^^^CITYHOSP^AN"
VISIT = "PV1|1|I|W^1||||||||||||||||V-9^^^CITYHOSP^VN"
CHARGE = "FT1|1|{id}|B1|20240301|20240302|{type}|99213^Office visit^C4|||{count}|{total}|{unit}"
GOLD = "IN1|1|GOLD^Gold plan|PAY01|HEALTHFUND||||GRP-22"
STATE = "IN1|2|BASIC|PAY02|STATE FUND"


def charged(*segments: str) -> Converted:
    return convert("DFT^P03", PATIENT, VISIT, *segments)


def charge(id_: str = "TX1", type_: str = "CG", count: str = "1", total: str = "120.00&USD", unit: str = "") -> str:
    return CHARGE.format(id=id_, type=type_, count=count, total=total, unit=unit)


def item(*segments: str) -> Resource:
    return charged(*segments).one("ChargeItem")


def test_charge_is_a_billable_item_of_patient_visit_and_account() -> None:
    found = charged(charge())
    made = found.one("ChargeItem")
    assert (made["status"], codes(made["code"])) == ("billable", ["99213"])
    assert (made["occurrenceDateTime"], made["enteredDate"]) == ("2024-03-01", "2024-03-02")
    assert found.referred(made["subject"])["resourceType"] == "Patient"
    assert found.referred(made["context"])["resourceType"] == "Encounter"
    assert found.referred(made["account"][0])["identifier"][0]["value"] == "ACC-9"


def test_charge_is_found_again_by_the_number_of_its_transaction() -> None:
    assert charged(charge()).entry("ChargeItem", "TX1").key == "identifier=urn:hl7v2:sender:WARD%257CCITYHOSP|TX1"


def test_price_of_the_line_keeps_every_digit() -> None:
    assert item(charge(total="120.10&USD"))["priceOverride"] == {"value": Decimal("120.10"), "currency": "USD"}


def test_price_of_the_line_is_the_unit_price_times_the_quantity_when_it_is_not_sent() -> None:
    made = item(charge(count="3", total="", unit="0.10&EUR"))
    assert made["priceOverride"] == {"value": Decimal("0.30"), "currency": "EUR"}
    assert made["quantity"] == {"value": Decimal(3)}


@pytest.mark.parametrize("sent", ["25.00&USD", "-25.00&USD"])
@pytest.mark.parametrize("type_", ["CD", "CR"])
def test_credit_is_below_zero_however_it_is_written(sent: str, type_: str) -> None:
    assert item(charge(type_=type_, total=sent))["priceOverride"]["value"] == Decimal("-25.00")


def test_credit_with_the_number_of_a_charge_of_the_message_takes_it_back() -> None:
    found = charged(charge("TX1"), charge("TX2"), charge("TX1", "CR", total="-120.00&USD"))
    assert {one["identifier"][0]["value"]: one["status"] for one in found.all("ChargeItem")} == {
        "TX1": "aborted",
        "TX2": "billable",
    }


def test_credit_with_a_number_of_its_own_is_an_item_of_its_own() -> None:
    found = charged(charge("TX1"), charge("TX2", "CD", total="20&USD"))
    assert sum(one["priceOverride"]["value"] for one in found.all("ChargeItem")) == Decimal("100.00")


def test_charge_is_for_the_procedures_that_follow_it() -> None:
    procedures = [f"PR1|1||{code}^Procedure^C4||20240301" for code in ("0001A", "0002A", "0003A")]
    found = charged(charge("TX1"), procedures[0], procedures[1], charge("TX2"), procedures[2])
    services = {
        one["identifier"][0]["value"]: [codes(found.referred(service)["code"])[0] for service in one["service"]]
        for one in found.all("ChargeItem")
    }
    assert services == {"TX1": ["0001A", "0002A"], "TX2": ["0003A"]}


def test_payment_is_no_charge() -> None:
    found = charged(charge(), charge("TX9", "PY", total="40.00&USD"))
    assert len(found.all("ChargeItem")) == 1
    paid = found.one("PaymentReconciliation")
    assert (paid["identifier"][0]["value"], paid["paymentDate"]) == ("TX9", "2024-03-01")
    assert paid["paymentAmount"] == {"value": Decimal("40.00"), "currency": "USD"}


def test_code_names_transaction_and_procedure_and_each_once() -> None:
    both = charge() + "|||||||I10^Hypertension^I10|55^HOUSE^GREG|56^ORDER^OLGA||||99213^Office visit^C4"
    made = charged(both)
    assert codes(made.one("ChargeItem")["code"]) == ["99213"]
    assert codes(made.one("ChargeItem")["reason"][0]) == ["I10"]
    performers = made.one("ChargeItem")["performer"]
    assert {codes(one["function"])[0]: made.referred(one["actor"])["name"][0]["family"] for one in performers} == {
        "PRF": "HOUSE",
        "REF": "ORDER",
    }


def test_charge_over_days_has_a_period() -> None:
    made = item(charge().replace("20240301|", "20240301^20240303|", 1))
    assert made["occurrencePeriod"] == {"start": "2024-03-01", "end": "2024-03-03"}


def test_amount_that_is_no_number_is_refused_with_its_field() -> None:
    with pytest.raises(ConversionError) as caught:
        charged(charge(total="free"))
    assert (caught.value.code, caught.value.segment, caught.value.field) == ("102", "FT1", 11)


def test_message_without_charges_is_refused() -> None:
    with pytest.raises(ConversionError) as caught:
        charged()
    assert (caught.value.code, caught.value.segment) == ("100", "FT1")


def billed(event: str, *segments: str, patient: str = PATIENT) -> Converted:
    return convert(event, "EVN||20240304", patient, *segments)


def test_account_has_its_coverages_in_order_and_its_guarantor() -> None:
    found = billed("BAR^P05", VISIT, "GT1|1|G-1|LINDQVIST^ERIK||||||||SPO||20240101|20241231", STATE, GOLD)
    account = found.one("Account")
    payors = [found.referred(found.referred(one["coverage"])["payor"][0])["name"] for one in account["coverage"]]
    assert (payors, [one["priority"] for one in account["coverage"]]) == (["HEALTHFUND", "STATE FUND"], [1, 2])
    guarantor = account["guarantor"][0]
    assert found.referred(guarantor["party"])["name"][0]["given"] == ["ERIK"]
    assert guarantor["period"] == {"start": "2024-01-01", "end": "2024-12-31"}
    assert (account["status"], codes(account["type"])) == ("active", ["PBILLACCT"])


def test_coordination_priority_wins_over_the_order_in_the_message() -> None:
    first, second = GOLD + "|" * 14 + "2", STATE + "|" * 18 + "1"
    account = billed("BAR^P01", VISIT, first, second).one("Account")
    assert [one["priority"] for one in account["coverage"]] == [1, 2]


def test_guarantor_who_is_the_patient_is_no_related_person() -> None:
    found = billed("BAR^P01", VISIT, "GT1|1||LINDQVIST^MARTA^E|||||19790412|||SEL")
    assert found.all("RelatedPerson") == []
    assert found.referred(found.one("Account")["guarantor"][0]["party"])["resourceType"] == "Patient"


def test_guarantor_said_to_be_the_patient_under_another_name_is_kept() -> None:
    found = billed("BAR^P01", VISIT, "GT1|1||RADIANT^LUCY||||||||SEL")
    assert found.one("RelatedPerson")["name"][0]["family"] == "RADIANT"


def test_organization_can_be_guarantor() -> None:
    found = billed("BAR^P01", VISIT, "GT1|1|O-7|||||||||||||||||||CITY COUNCIL")
    assert found.referred(found.one("Account")["guarantor"][0]["party"])["name"] == "CITY COUNCIL"


def test_guarantor_and_insured_of_one_name_are_one_person() -> None:
    insured = GOLD + "||||||||LINDQVIST^ERIK|SPO|19770202"
    found = billed("BAR^P01", VISIT, "GT1|1|G-1|LINDQVIST^ERIK||||||||SPO", insured)
    assert found.one("RelatedPerson")["birthDate"] == "1977-02-02"


def test_active_is_only_said_of_a_new_account() -> None:
    entry = billed("BAR^P05", VISIT).entry("Account", "ACC-9")
    assert (entry.resource["status"], entry.merge["status"]) == ("active", "keep")


@pytest.mark.parametrize("event", ["BAR^P02", "BAR^P06"])
def test_account_that_ends_becomes_inactive_and_nothing_is_deleted(event: str) -> None:
    found = billed(event, VISIT)
    assert found.one("Account")["status"] == "inactive"
    assert "status" not in found.entry("Account", "ACC-9").merge
    assert {entry.intent for entry in found.conversion.entries} <= {"upsert", "create", "reference"}


def test_end_of_an_account_is_the_end_of_its_service() -> None:
    assert billed("BAR^P06", VISIT).one("Account")["servicePeriod"] == {"end": "2024-03-04"}


def test_account_without_a_number_belongs_to_the_visit() -> None:
    bare = PATIENT.partition("||||||||||ACC")[0]
    found = billed("BAR^P01", VISIT + "|" * 24 + "|202403011000", GOLD, patient=bare)
    account = found.one("Account")
    assert account["servicePeriod"]["start"] == "2024-03-01T10:00:00+01:00"
    assert found.referred(account["coverage"][0]["coverage"])["resourceType"] == "Coverage"
    other = billed("BAR^P01", VISIT.replace("V-9", "V-8"), patient=bare)
    assert other.one("Account")["identifier"] != account["identifier"]


def test_two_visits_of_a_message_have_their_own_diagnoses() -> None:
    second = VISIT.replace("V-9", "V-8")
    found = billed("BAR^P01", VISIT, "DG1|1||I10^Hypertension^I10|||A", second, "DG1|1||J18^Pneumonia^I10|||A")
    visits = {
        codes(one["code"])[0]: found.referred(one["encounter"])["identifier"][0]["value"]
        for one in found.all("Condition")
    }
    assert visits == {"I10": "V-9", "J18": "V-8"}


@pytest.fixture
def drafting(tmp_path: Path) -> Converter:
    """A converter whose site wants drafts of Invoice and Claim."""
    roles = '[Patient, Account, "Invoice#draft", "Claim#draft"]'
    (tmp_path / "drafts.yaml").write_text(
        f"messages: {{DFT_P03: {{groups: {{patient: {{segments: {{PID: {roles}}}}}}}}}}}"
    )
    return Converter(load_layers([tmp_path]), zone=UTC)


def drafted(converter: Converter, *segments: str) -> Converted:
    header = "MSH|^~\\&|BILL|CITYHOSP|FHIR|CITYHOSP|20240305||DFT^P03|M1|P|2.5.1"
    message = parse("\r".join((header, PATIENT, VISIT, *segments)).encode())
    conversion = converter.convert(message, received=RECEIVED)
    assert validator().issues(conversion.bundle()) == []
    return Converted(conversion)


def test_drafts_are_made_only_where_a_site_asks_for_them() -> None:
    found = charged(charge(), GOLD)
    assert found.all("Invoice") + found.all("Claim") == []


def test_draft_of_an_invoice_sums_what_is_billable(drafting: Converter) -> None:
    credit = charge("TX3", "CD", total="20.50&USD")
    found = drafted(drafting, charge("TX1"), charge("TX2"), charge("TX2", "CR"), credit)
    invoice = found.one("Invoice")
    assert (invoice["status"], [line["sequence"] for line in invoice["lineItem"]]) == ("draft", [1, 2])
    assert invoice["totalNet"] == {"value": Decimal("99.50"), "currency": "USD"}
    assert found.referred(invoice["account"])["identifier"][0]["value"] == "ACC-9"
    assert found.referred(invoice["issuer"])["name"] == "CITYHOSP"


def test_amounts_of_several_currencies_have_no_sum(drafting: Converter) -> None:
    found = drafted(drafting, charge("TX1"), charge("TX2", total="5&EUR"))
    assert "totalNet" not in found.one("Invoice")


def test_same_charges_again_are_the_same_draft_and_change_nothing(drafting: Converter) -> None:
    entries = [
        next(
            one
            for one in drafted(drafting, charge("TX1")).conversion.entries
            if one.resource["resourceType"] == "Invoice"
        )
        for _ in range(2)
    ]
    assert entries[0].key == entries[1].key
    assert entries[0].intent == "create"


def test_draft_of_a_claim_is_for_the_coverages_in_their_order(drafting: Converter) -> None:
    found = drafted(drafting, charge(), "DG1|1||I10^Hypertension^I10|||F", STATE, GOLD)
    claim = found.one("Claim")
    assert (claim["status"], claim["use"], codes(claim["type"])) == ("draft", "claim", ["institutional"])
    covered = [found.referred(found.referred(one["coverage"])["payor"][0])["name"] for one in claim["insurance"]]
    assert (covered, [one["focal"] for one in claim["insurance"]]) == (["HEALTHFUND", "STATE FUND"], [True, False])
    [item] = claim["item"]
    assert (codes(item["productOrService"]), item["net"]["value"]) == (["99213"], Decimal("120.00"))
    assert found.referred(claim["diagnosis"][0]["diagnosisReference"])["resourceType"] == "Condition"


def test_nothing_is_claimed_without_a_coverage(drafting: Converter) -> None:
    assert drafted(drafting, charge()).all("Claim") == []


def test_the_documented_overlay_makes_drafts_for_the_sender_that_it_names(tmp_path: Path) -> None:
    document = (Path(__file__).parents[3] / "docs" / "hl7v2-billing.md").read_text("utf-8")
    overlay = document.split("```yaml\n")[1].partition("```")[0].replace("BILLING|*", "BILL|CITY*")
    (tmp_path / "drafts.yaml").write_text(overlay)
    found = drafted(Converter(load_layers([tmp_path]), zone=UTC), charge(), GOLD)
    assert (len(found.all("Invoice")), len(found.all("Claim"))) == (1, 1)


def test_code_that_two_fields_say_alike_is_there_once_with_its_system() -> None:
    plain = charge().replace("99213^Office visit^C4", "99213") + "|" * 13 + "99213^Office visit^C4"
    [coding] = item(plain)["code"]["coding"]
    assert coding["system"] == "http://www.ama-assn.org/go/cpt"


def test_employer_of_a_guarantor_is_where_they_are_reached_at_work() -> None:
    employer = "GT1|1||LINDQVIST^OLLE" + "|" * 8 + "SPO|||||Duck Works|19 MILKY WAY^^VERONA^WI|^WPN^PH^^^608^2719000|E1"
    person = convert("ADT^A01", PATIENT, employer).one("RelatedPerson")
    (address,) = person["address"]
    assert (address["use"], address["line"]) == ("work", ["Duck Works", "19 MILKY WAY"])
    assert [(one["use"], one["value"]) for one in person["telecom"]] == [("work", "(608) 2719000")]
    assert {one["value"]: codes(one.get("type")) for one in person["identifier"]}["E1"] == ["EN"]


def test_draft_of_a_claim_tells_the_accident(drafting: Converter) -> None:
    accident = "ACC|202403040830+0100||Route 50|VA|N"
    found = drafted(drafting, charge(), GOLD, accident).one("Claim")["accident"]
    assert (found["date"], codes(found["type"])) == ("2024-03-04", ["MVA"])
    assert found["locationAddress"] == {"text": "Route 50"}
