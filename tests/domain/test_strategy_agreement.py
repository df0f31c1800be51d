"""Two hosts with other code under one name: which strategies may buy."""

from domain.strategy_agreement import disagreements

OURS = {"momentum": "a" * 64, "gap": "b" * 64}


def test_hosts_with_the_same_code_agree() -> None:
    assert disagreements(OURS, {"host-2": OURS, "host-3": {**OURS, "more": "c" * 64}}, ("gap",)) == {}
    assert disagreements(OURS, {}, ("gap",)) == {}


def test_other_code_under_one_name_is_a_disagreement_whether_used_or_not() -> None:
    assert disagreements(OURS, {"host-2": {**OURS, "gap": "c" * 64}}, ()) == {
        "gap": "gap is other code on host-2 (cccccccc, here bbbbbbbb); "
        "give every host the same strategies and restart it"
    }


def test_a_strategy_that_is_used_must_exist_everywhere() -> None:
    theirs = {"host-2": {"momentum": OURS["momentum"]}}

    assert disagreements(OURS, theirs, ("momentum",)) == {}
    assert disagreements(OURS, theirs, ("gap",)) == {
        "gap": "gap is missing on host-2; give every host the same strategies and restart it"
    }
