import pytest

from hl7_bridge.actions import Link, Merge, Move, Reassign, Unlink
from hl7_bridge.mapping.errors import ConversionError
from tests.hl7_bridge.maps.converted import Converted, convert

EVN = "EVN||20240305101000+0100"
SURVIVOR = "PID|1||100^^^CITYHOSP^MR||LINDQVIST^MARTA||19790412|F||||||||||ACC1^^^CITYHOSP^AN"
OTHER = "PID|2||300^^^CITYHOSP^MR||OLSEN^KIM||19600101|M"


def url(found: Converted, type_: str, value: str) -> str:
    full_url: str = found.entry(type_, value).full_url
    return full_url


@pytest.mark.parametrize("event", ["A18", "A30", "A34", "A36", "A39", "A40", "A46", "A47"])
def test_prior_patient_ends_and_is_merged_into_the_survivor(event: str) -> None:
    found = convert(f"ADT^{event}", EVN, SURVIVOR, "MRG|200^^^CITYHOSP^MR")
    survivor, prior = url(found, "Patient", "100"), url(found, "Patient", "200")
    assert found.conversion.actions == (Merge(survivor, prior),)
    ended = found.identified("Patient", "200")
    assert ended["active"] is False
    assert ended["link"] == [{"type": "replaced-by", "other": {"reference": survivor}}]
    assert found.identified("Patient", "100")["link"] == [{"type": "replaces", "other": {"reference": prior}}]


def test_prior_patient_is_found_by_its_own_number() -> None:
    found = convert("ADT^A40", EVN, SURVIVOR, "MRG|200^^^CITYHOSP^MR")
    assert found.entry("Patient", "200").key == "identifier=urn:hl7v2:authority:CITYHOSP|200"


def test_several_merges_of_one_message_stay_apart() -> None:
    found = convert("ADT^A40", EVN, SURVIVOR, "MRG|200^^^CITYHOSP^MR", OTHER, "MRG|400^^^CITYHOSP^MR")
    merged = {("100", "200"), ("300", "400")}
    urls = {Merge(url(found, "Patient", one), url(found, "Patient", other)) for one, other in merged}
    assert set(found.conversion.actions) == urls


def test_merge_of_a_number_with_itself_changes_nothing() -> None:
    found = convert("ADT^A40", EVN, SURVIVOR, "MRG|100^^^CITYHOSP^MR")
    assert found.conversion.actions == ()
    assert found.one("Patient").keys().isdisjoint({"active", "link"})


def test_merge_without_a_prior_number_is_refused() -> None:
    with pytest.raises(ConversionError) as refused:
        convert("ADT^A40", EVN, SURVIVOR, "MRG||")
    assert (refused.value.segment, refused.value.field) == ("MRG", 1)


SYSTEM = "urn:hl7v2:authority:"


def test_number_of_the_wrong_person_goes_to_the_one_whom_the_other_numbers_tell() -> None:
    owner = "PID|1||100^^^CITYHOSP^MR~P2^^^EPI^PI||LINDQVIST^MARTA"
    found = convert("ADT^A43", EVN, owner, "MRG|100^^^CITYHOSP^MR~P1^^^EPI^PI")
    patients = [one for one in found.conversion.entries if one.resource["resourceType"] == "Patient"]
    assert [one.key for one in patients] == [f"identifier={SYSTEM}EPI|P2", f"identifier={SYSTEM}EPI|P1"]
    named = frozenset({(f"{SYSTEM}CITYHOSP", "100"), (f"{SYSTEM}EPI", "P1")})
    assert found.conversion.actions == (Reassign(patients[0].full_url, patients[1].full_url, named),)
    assert [one.intent for one in patients] == ["upsert", "reference"]
    assert all(one.resource.keys().isdisjoint({"active", "link"}) for one in patients)


def test_number_that_goes_to_nobody_is_refused() -> None:
    with pytest.raises(ConversionError) as refused:
        convert("ADT^A43", EVN, SURVIVOR, "MRG|100^^^CITYHOSP^MR~P1^^^EPI^PI")
    assert (refused.value.segment, refused.value.field) == ("PID", 3)


def test_alternate_number_that_is_changed_lives_on_as_an_old_one() -> None:
    found = convert(
        "ADT^A48", EVN, "PID|1||100^^^CITYHOSP^MR|NEW7^^^CITYHOSP^PT|LINDQVIST^MARTA", "MRG||OLD7^^^CITYHOSP^PT"
    )
    assert found.conversion.actions == ()
    uses = {one["value"]: one.get("use") for one in found.one("Patient")["identifier"]}
    assert uses == {"100": None, "NEW7": None, "OLD7": "old"}


@pytest.mark.parametrize("event", ["A35", "A41", "A49"])
def test_prior_account_is_merged_into_the_account_of_the_patient(event: str) -> None:
    found = convert(f"ADT^{event}", EVN, SURVIVOR, "MRG|100^^^CITYHOSP^MR||ACC2^^^CITYHOSP^AN")
    assert found.conversion.actions == (Merge(url(found, "Account", "ACC1"), url(found, "Account", "ACC2")),)
    assert found.identified("Account", "ACC2")["status"] == "inactive"
    assert "active" not in found.one("Patient")


def test_patient_and_account_are_merged_together() -> None:
    found = convert("ADT^A36", EVN, SURVIVOR, "MRG|200^^^CITYHOSP^MR||ACC2^^^CITYHOSP^AN")
    assert set(found.conversion.actions) == {
        Merge(url(found, "Patient", "100"), url(found, "Patient", "200")),
        Merge(url(found, "Account", "ACC1"), url(found, "Account", "ACC2")),
    }


def pv1(number: str) -> str:
    return "PV1|1|I|WEST^1" + "|" * 16 + f"{number}^^^CITYHOSP^VN"


def test_prior_visit_is_merged_into_the_visit() -> None:
    found = convert("ADT^A42", EVN, SURVIVOR, "MRG|100^^^CITYHOSP^MR||||V2^^^CITYHOSP^VN", pv1("V1"))
    assert found.conversion.actions == (Merge(url(found, "Encounter", "V1"), url(found, "Encounter", "V2")),)
    assert found.identified("Encounter", "V2")["status"] == "entered-in-error"


@pytest.mark.parametrize("event", ["A06", "A07"])
def test_patient_who_changes_class_may_get_another_visit_number(event: str) -> None:
    found = convert(f"ADT^{event}", EVN, SURVIVOR, "MRG|100^^^CITYHOSP^MR||||V2^^^CITYHOSP^VN", pv1("V1"))
    assert found.conversion.actions == (Merge(url(found, "Encounter", "V1"), url(found, "Encounter", "V2")),)
    same = convert(f"ADT^{event}", EVN, SURVIVOR, "MRG|100^^^CITYHOSP^MR||||V1^^^CITYHOSP^VN", pv1("V1"))
    assert (same.conversion.actions, same.one("Encounter")["status"]) == ((), "in-progress")


def test_prior_visit_in_an_event_that_replaces_none_stays_in_the_message() -> None:
    found = convert("ADT^A08", EVN, SURVIVOR, "MRG|100^^^CITYHOSP^MR||||V2^^^CITYHOSP^VN", pv1("V1"))
    assert (found.conversion.actions, len(found.all("Encounter"))) == ((), 1)


def test_visit_moves_from_one_patient_to_another() -> None:
    found = convert("ADT^A45", EVN, SURVIVOR, "MRG|200^^^CITYHOSP^MR||||V1^^^CITYHOSP^VN", pv1("V1"))
    owner, former = url(found, "Patient", "100"), url(found, "Patient", "200")
    assert found.conversion.actions == (Move(url(found, "Encounter", "V1"), owner, former),)
    assert found.one("Encounter")["subject"] == {"reference": owner}
    assert found.entry("Patient", "200").intent == "reference"
    assert "active" not in found.identified("Patient", "200")


def test_visit_that_moves_and_gets_another_number_takes_along_what_stood_under_the_old_one() -> None:
    found = convert("ADT^A45", EVN, SURVIVOR, "MRG|200^^^CITYHOSP^MR||||V1^^^CITYHOSP^VN", pv1("V9"))
    owner, former = url(found, "Patient", "100"), url(found, "Patient", "200")
    prior, survivor = url(found, "Encounter", "V1"), url(found, "Encounter", "V9")
    moved = (Move(prior, owner, former), Merge(survivor, prior), Move(survivor, owner, former))
    assert found.conversion.actions == moved


def test_several_visits_move_in_one_message() -> None:
    moves = [part for one in ("V1", "V2") for part in (f"MRG|200^^^CITYHOSP^MR||||{one}^^^CITYHOSP^VN", pv1(one))]
    found = convert("ADT^A45", EVN, SURVIVOR, *moves)
    moved = [action.resource for action in found.conversion.actions if isinstance(action, Move)]
    assert moved == [url(found, "Encounter", "V1"), url(found, "Encounter", "V2")]


def test_visit_whose_former_patient_is_not_named_moves_from_whoever_has_it() -> None:
    found = convert("ADT^A45", EVN, SURVIVOR, "MRG|||||V1^^^CITYHOSP^VN", pv1("V1"))
    assert found.conversion.actions == (Move(url(found, "Encounter", "V1"), url(found, "Patient", "100"), ""),)


def test_account_moves_from_one_patient_to_another() -> None:
    found = convert("ADT^A44", EVN, SURVIVOR, "MRG|200^^^CITYHOSP^MR||ACC1^^^CITYHOSP^AN")
    owner, former = url(found, "Patient", "100"), url(found, "Patient", "200")
    assert found.conversion.actions == (Move(url(found, "Account", "ACC1"), owner, former),)
    assert found.one("Account")["status"] == "active"


def test_linked_patients_stay_two() -> None:
    found = convert("ADT^A24", EVN, SURVIVOR, OTHER)
    assert found.conversion.actions == (Link(url(found, "Patient", "100"), url(found, "Patient", "300")),)


def test_unlinked_patients_are_unlinked() -> None:
    found = convert("ADT^A37", EVN, SURVIVOR, OTHER)
    assert found.conversion.actions == (Unlink(url(found, "Patient", "100"), url(found, "Patient", "300")),)


def test_prior_patient_may_be_named_by_the_older_field() -> None:
    found = convert("ADT^A30", EVN, SURVIVOR, "MRG||||200^^^CITYHOSP^MR")
    assert found.conversion.actions == (Merge(url(found, "Patient", "100"), url(found, "Patient", "200")),)


@pytest.mark.parametrize("number", [1, 2, 4])
def test_prior_numbers_of_all_fields_are_kept(number: int) -> None:
    fields = {1: "200^^^CITYHOSP^MR"} | {number: "201^^^CITYHOSP^PI" if number > 1 else "200^^^CITYHOSP^MR"}
    text = "|".join(fields.get(one, "") for one in range(1, 5))
    found = convert("ADT^A40", EVN, SURVIVOR, f"MRG|{text}|||LIND^MARTA")
    prior = found.identified("Patient", "200")
    assert {one["value"] for one in prior["identifier"]} == {"200"} | ({"201"} if number > 1 else set())
    assert prior["name"][0]["family"] == "LIND"


def test_prior_patient_is_found_by_its_medical_record_and_not_by_a_number_of_the_state() -> None:
    found = convert("ADT^A40", EVN, SURVIVOR, "MRG|123456789^^^USSSA^SS~200^^^CITYHOSP^MR")
    assert found.entry("Patient", "200").key == "identifier=urn:hl7v2:authority:CITYHOSP|200"


def test_stored_links_of_merged_patients_stay() -> None:
    found = convert("ADT^A40", EVN, SURVIVOR, "MRG|200^^^CITYHOSP^MR")
    assert found.entry("Patient", "200").merge["link"] == "union"


def test_prior_account_and_visit_belong_to_the_patient() -> None:
    account = convert("ADT^A41", EVN, SURVIVOR, "MRG|||ACC2^^^CITYHOSP^AN")
    visit = convert("ADT^A42", EVN, SURVIVOR, "MRG|||||V2^^^CITYHOSP^VN", pv1("V1"))
    patient = url(account, "Patient", "100")
    assert account.identified("Account", "ACC2")["subject"] == [{"reference": patient}]
    assert visit.identified("Encounter", "V2")["subject"] == {"reference": url(visit, "Patient", "100")}


def test_visit_may_be_named_by_its_alternate_number() -> None:
    found = convert("ADT^A42", EVN, SURVIVOR, "MRG||||||V3^^^CITYHOSP^VN", pv1("V1"))
    assert found.conversion.actions == (Merge(url(found, "Encounter", "V1"), url(found, "Encounter", "V3")),)


def test_moved_visit_without_a_status_leaves_a_stored_one_alone() -> None:
    visit = "PV1|1||WEST^1" + "|" * 16 + "V1^^^CITYHOSP^VN"
    entry = convert("ADT^A45", EVN, SURVIVOR, "MRG|||||V1^^^CITYHOSP^VN", visit).entry("Encounter", "V1")
    assert entry.merge["status"] == "keep"


def test_linked_patients_are_found_by_their_medical_records() -> None:
    found = convert("ADT^A24", EVN, "PID|1||123456789^^^USSSA^SS~100^^^CITYHOSP^MR||LINDQVIST^MARTA", OTHER)
    assert found.entry("Patient", "100").key == "identifier=urn:hl7v2:authority:CITYHOSP|100"
