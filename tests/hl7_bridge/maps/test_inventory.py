"""INV: the reagents and controls that a laboratory used on a specimen."""

from tests.hl7_bridge.maps.converted import PATIENT, codes, convert

SPECIMEN = "SPM|1|^S1&LAB||BLD"
REAGENT = "INV|TNI^Troponin reagent^99LAB|OK|SR|R7^^99LAB|||100|42||1|{TEST}|20251231||||L2024-77"
OBR = "OBR|1|P1^WARD|F1^LAB|89579-7^Troponin I^LN|||20240305090000+0100||||||||||||||||||F"
RESULT = "OBX|1|NM|89579-7^Troponin I^LN||12|ng/L|||||F"


def test_a_reagent_is_a_substance_with_its_lot_and_what_is_left() -> None:
    found = convert("OUL^R22", PATIENT, SPECIMEN, "SAC|||C1", REAGENT, OBR, RESULT)
    substance = found.one("Substance")
    assert (codes(substance["code"]), substance["status"], codes(substance["category"][0])) == (
        ["TNI"],
        "active",
        ["SR"],
    )
    assert [one["value"] for one in substance["identifier"] if one.get("type") == {"text": "Lot number"}] == [
        "L2024-77"
    ]
    (instance,) = substance["instance"]
    assert instance["identifier"]["value"] == "R7"
    assert instance["expiry"] == "2025-12-31"
    assert instance["quantity"] == {"value": 42, "unit": "{TEST}"}


def test_a_specimen_names_every_reagent_used_on_it() -> None:
    control = "INV|QC1^Control low^99LAB|EE|CO|||||||||||||Q9"
    found = convert("OUL^R22", PATIENT, SPECIMEN, "SAC|||C1", REAGENT, control, OBR, RESULT)
    (processing,) = found.one("Specimen")["processing"]
    used = [found.referred(one) for one in processing["additive"]]
    assert [(codes(one["code"]), one["status"]) for one in used] == [(["TNI"], "active"), (["QC1"], "inactive")]


def test_reagents_stand_below_the_specimens_of_an_order_too() -> None:
    found = convert("OUL^R24", PATIENT, OBR, RESULT, SPECIMEN, "SAC|||C1", REAGENT)
    assert len(found.one("Specimen")["processing"][0]["additive"]) == 1
