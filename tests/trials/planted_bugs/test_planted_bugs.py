"""Each planted mistake is found by the check that covers it; without the mistake the check finds nothing."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pytest

from tests.trials.crash_points.market import Plot
from tests.trials.planted_bugs import (
    adversary_scenes,
    exit_mistakes,
    exit_scenes,
    joined_mistakes,
    joined_scenes,
    mistakes,
    offer_mistakes,
    offer_scenes,
    operating_scenes,
    scenes,
    watch_mistakes,
    watch_scenes,
)
from tests.trials.planted_bugs.scenes import Scene, a_day, at_a_desk


@dataclass(frozen=True, slots=True)
class Planted:
    """A mistake, the smallest scene that reveals it, and the start of the complaint of the check that catches it."""

    mistake: Callable[[], AbstractContextManager[None]]
    scene: Scene
    caught_by: str

    @property
    def name(self) -> str:
        """Return the mistake's name."""
        return self.mistake.__name__.replace("_", " ")


PLANTED = (
    Planted(mistakes.posts_again_on_a_time_out, a_day(scenes.LOST_ENTRY), "I1"),
    Planted(mistakes.takes_unknown_for_rejected, a_day(scenes.LOST_ENTRY), "I1"),
    Planted(
        joined_mistakes.sends_again_in_a_later_attempt,
        a_day(Plot(), "enter_position: after POST order-cash"),
        "I1",
    ),
    Planted(
        mistakes.records_the_intent_after_sending,
        a_day(Plot(), "enter_position: after POST order-cash"),
        "I1 an order at the broker without an intent",
    ),
    Planted(mistakes.books_each_listing_as_a_new_fill, a_day(Plot(worked=True), 0, scenes.without_the_key), "I4"),
    Planted(mistakes.ignores_the_fencing_token, at_a_desk(scenes.lock_taken_before_sending), "I9"),
    Planted(mistakes.takes_a_cancel_for_done, a_day(scenes.LOST_CANCEL), "I3"),
    Planted(mistakes.sells_what_it_believes_to_hold, a_day(scenes.LOST_EXIT), "I3"),
    Planted(
        mistakes.believes_the_first_look,
        at_a_desk(adversary_scenes.delivered_after_the_link_was_lost),
        "I1 an order at the broker without an intent",
    ),
    Planted(mistakes.forgets_which_orders_are_bound, at_a_desk(scenes.a_second_sale_like_the_first), "ledger"),
    Planted(mistakes.checks_the_gate_only_before, at_a_desk(scenes.gate_shut_before_sending), "I7"),
    Planted(
        mistakes.ignores_the_hosts_limits,
        at_a_desk(scenes.bought_by_looser_rules_than_the_hosts),
        "I7 a buy above its host's capital limit",
    ),
    Planted(
        mistakes.sends_without_the_hosts_limits,
        at_a_desk(scenes.bought_by_looser_rules_than_the_hosts),
        "I7 a buy sent without a host's limits",
    ),
    Planted(mistakes.keeps_sales_behind_the_kill_switch, at_a_desk(scenes.sold_with_the_kill_switch_on), "I10"),
    Planted(
        mistakes.forgets_the_best_price, at_a_desk(scenes.fallen_from_the_best_price_after_a_restart), "scene: sold"
    ),
    Planted(mistakes.trusts_every_price, at_a_desk(scenes.an_absurd_price), "scene: sold"),
    Planted(mistakes.proves_flatness_from_the_ledger, at_a_desk(scenes.shares_from_nowhere), "scene: flat"),
    Planted(
        mistakes.takes_unexplained_shares_for_the_owners,
        at_a_desk(scenes.shares_from_nowhere),
        "scene: flat",
    ),
    Planted(mistakes.takes_the_owners_shares_for_ours, at_a_desk(scenes.held_by_hand_at_the_close), "scene: the owner"),
    Planted(mistakes.carries_shares_in_silence, scenes.a_day_without_buyers, "I6"),
    Planted(mistakes.forgets_the_tax, a_day(Plot()), "I8"),
    Planted(
        mistakes.refuses_a_list_for_one_odd_row, at_a_desk(adversary_scenes.sold_beside_odd_rows), "scene: not sold"
    ),
    Planted(
        mistakes.takes_an_unlisted_order_for_over,
        at_a_desk(adversary_scenes.bought_by_an_order_that_no_list_shows),
        "I4 holdings differ",
    ),
    Planted(
        mistakes.never_looks_at_an_order_that_is_over,
        at_a_desk(adversary_scenes.filled_further_after_its_trade_was_booked),
        "I4 fills differ",
    ),
    Planted(
        mistakes.trusts_strategies_not_to_raise,
        at_a_desk(adversary_scenes.stopped_out_beside_a_strategy_that_raises),
        "scene: not watched",
    ),
    Planted(
        mistakes.waits_for_strategies,
        at_a_desk(adversary_scenes.stopped_out_beside_a_strategy_that_hangs),
        "scene: not watched",
    ),
    Planted(mistakes.trusts_that_clocks_agree, a_day(scenes.LOST_BESIDE_A_SLOW_CLOCK), "I1"),
    Planted(
        mistakes.retires_the_channels_that_it_does_not_know,
        at_a_desk(operating_scenes.a_second_host_with_other_alert_settings),
        "scene: an alert",
    ),
    Planted(
        mistakes.keeps_connections_that_take_no_writes, operating_scenes.a_failover_to_a_replica, "scene: nothing is"
    ),
    Planted(
        mistakes.takes_new_shares_of_a_split_for_the_owners,
        operating_scenes.split_overnight_while_carried,
        "scene: ",
    ),
    Planted(
        mistakes.trusts_every_order_by_api,
        operating_scenes.another_program_that_orders_by_api,
        "scene: it buys",
    ),
    Planted(
        exit_mistakes.forgets_what_its_watch_has_sent,
        a_day(Plot(), 0, exit_scenes.without_the_index_of_active_orders),
        "I3",
    ),
    Planted(
        exit_mistakes.lets_the_watch_send_without_a_permit,
        a_day(Plot(), "watch_market: after POST order-cash"),
        "I1 an order at the broker without an intent",
    ),
    Planted(
        exit_mistakes.leaves_each_sale_to_its_workflow,
        at_a_desk(exit_scenes.left_by_its_workflow),
        "scene: a sale without a workflow",
    ),
    Planted(
        exit_mistakes.books_a_carried_on_trade_twice,
        at_a_desk(exit_scenes.carried_on_and_found_by_its_workflow),
        "I8",
    ),
    Planted(
        exit_mistakes.books_a_carried_on_trade_twice,
        at_a_desk(joined_scenes.finished_by_two_attempts),
        "I8",
    ),
    Planted(
        joined_mistakes.takes_a_lost_lock_for_no_entry,
        at_a_desk(joined_scenes.bought_under_a_lock_that_another_took),
        "scene: an order in flight",
    ),
    Planted(
        joined_mistakes.lets_overtaken_attempts_act,
        at_a_desk(joined_scenes.refused_while_a_process_was_stopped),
        "scene: an order leaves",
    ),
    Planted(
        joined_mistakes.refuses_without_a_second_look,
        at_a_desk(joined_scenes.sent_before_its_lock_was_lost),
        "scene: an order in flight",
    ),
    Planted(
        watch_mistakes.watches_the_positions_of_every_shard,
        at_a_desk(watch_scenes.two_positions_in_two_shards),
        "scene: ",
    ),
    Planted(watch_mistakes.renews_no_lease, at_a_desk(watch_scenes.a_lease_that_ends_soon), "scene: a watched"),
    Planted(
        offer_mistakes.offers_each_stock_to_every_worker,
        at_a_desk(offer_scenes.one_stock_for_two_workers),
        "scene: 2 workers",
    ),
    Planted(offer_mistakes.trusts_an_offer_of_any_age, at_a_desk(offer_scenes.an_offer_that_arrives_late), "scene: bo"),
    Planted(mistakes.orders_take_no_slot, at_a_desk(scenes.slots_of_all_requests), "scene:"),
    Planted(mistakes.drops_commands_between_runs, scenes.paused_in_one_run_and_asked_in_the_next, "commands:"),
    Planted(mistakes.forgets_what_a_run_earned, scenes.paused_in_one_run_and_asked_in_the_next, "trades earned"),
)


@pytest.fixture(scope="module")
def caught() -> Iterator[dict[str, str]]:
    caught: dict[str, str] = {}
    yield caught
    lines = "".join(f"\n  {name:45} {complaint}" for name, complaint in caught.items())
    sys.stdout.write(f"\nplanted bugs: {len(caught)} of {len(PLANTED)} caught{lines}\n")


@pytest.mark.slow
@pytest.mark.in_turn(3, lambda planted: planted.mistake.__module__)
@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
async def test_a_planted_bug_is_caught(database_url: str, caught: dict[str, str], planted: Planted) -> None:
    with planted.mistake():
        complaints = await planted.scene(database_url)

    found = [complaint for complaint in complaints if complaint.startswith(planted.caught_by)]
    assert found, complaints
    caught[planted.name] = found[0][:110]


@pytest.mark.in_turn(2, lambda scene: scene.__module__)
@pytest.mark.parametrize("scene", dict.fromkeys(each.scene for each in PLANTED), ids=lambda scene: scene.__qualname__)
async def test_without_the_bug_the_scene_is_clean(database_url: str, scene: Scene) -> None:
    assert await scene(database_url) == []
