"""The kinds of events. Stored values never change: the books keep them, and reports and SQL name them."""

from enum import StrEnum
from typing import NewType

UnknownKind = NewType("UnknownKind", str)
"""A kind that another version of Haru has written."""


class EventKind(StrEnum):
    """What an event reports. Every member has a label in both word files of `reporting/words/`."""

    # Operators and the audit log
    OPERATOR_COMMAND = "operator_command"  # a row of the audit log
    AUDIT_LOG_BROKEN = "audit_log_broken"  # the log lacks a row that this machine has observed in it
    ALERT_TEST = "alert_test"  # sent to test a channel; never stored
    KILL_SWITCH_PRESSED = "kill_switch_pressed"
    KILL_SWITCH_LIFTED = "kill_switch_lifted"
    ORDER_ADOPTED_BY_OPERATOR = "order_adopted_by_operator"
    ORDER_DISMISSED_BY_OPERATOR = "order_dismissed_by_operator"

    # Orders without a reply
    ORDER_ADOPTED = "order_adopted"
    ORDER_PROVEN_ABSENT = "order_proven_absent"
    ORDER_QUARANTINED = "order_quarantined"
    ORDER_EXISTS_AFTER_ALL = "order_exists_after_all"  # proven absent, and the broker accepts or lists it later
    ACCEPTED_ORDER_NOT_LISTED = "accepted_order_not_listed"
    LOST_ORDER_IN_DOUBT = "lost_order_in_doubt"  # neither proven placed nor absent: a row cannot be read
    PAST_ORDER_UNDECIDED = "past_order_undecided"  # an order of an earlier day still blocks a sale

    # Fills and trades
    MISSING_FILL_BOOKED = "missing_fill_booked"  # a list shows a fill that the ledger lacked until now
    LATE_FILL_NOT_BOOKED = "late_fill_not_booked"  # no position of the ledger can take the fill
    LATE_SHARES_RECOVERED = "late_shares_recovered"  # the closed position of a late fill is reopened and sold
    FILL_BOOKED_PROVISIONALLY = "fill_booked_provisionally"  # holdings prove shares that no order list shows
    TRADE_CORRECTED = "trade_corrected"  # a late or corrected fill adds shares or won to a booked trade
    SALE_LISTED_SHORT = "sale_listed_short"  # shares listed as withdrawn that the account no longer holds
    POSITION_BOUGHT = "position_bought"  # no incident: sent if requested; the outbox's trigger names it
    POSITION_SOLD = "position_sold"  # no incident: sent if requested; the outbox's trigger names it

    # Positions
    POSITION_ADOPTED = "position_adopted"
    POSITION_SEIZED = "position_seized"
    POSITION_UNSOLD_AT_CLOSE = "position_unsold_at_close"  # carried if still unsold after the evening
    POSITION_CARRIED_OVERNIGHT = "position_carried_overnight"
    CARRIED_POSITION_RESTATED = "carried_position_restated"  # a split, reverse split or bonus shares
    CARRIED_POSITION_CHANGED = "carried_position_changed"  # the share count changed without any order
    SOLD_BY_HAND = "sold_by_hand"  # the account's owner sold some of our shares
    WORKER_BROUGHT_BACK = "worker_brought_back"
    PRICE_UNTRUSTED = "price_untrusted"  # a held stock has no usable price

    # Ledger and broker
    DISCREPANCY_FOUND = "discrepancy_found"
    BOOKS_NOT_COMPARED = "books_not_compared"  # entries stay closed until a comparison succeeds
    CASH_DIFFERS = "cash_differs"
    OWNERS_SHARES = "owners_shares"  # the account owner's shares after a session; not traded
    UNEXPLAINED_SHARES = "unexplained_shares"  # neither our books nor the owner's orders explain them
    STATEMENT_DIFFERS = "statement_differs"
    STATEMENT_NOT_COMPARED = "statement_not_compared"
    UNREADABLE_ROW = "unreadable_row"  # one event per day, stock and field
    ORDER_OF_ANOTHER_PROGRAM = "order_of_another_program"  # entries stay closed until an operator accepts it
    ORDER_OF_ANOTHER_PROGRAM_ACCEPTED = "order_of_another_program_accepted"

    # Entries
    ENTRY_DENIED = "entry_denied"  # denials are counted by it; its detail names the denial
    EXIT_DENIED = "exit_denied"
    ENTRIES_SHUT = "entries_shut"
    ENTRIES_REOPENED = "entries_reopened"  # one cause was lifted; other causes may keep entries closed
    RULES_ABOVE_HOST_LIMITS = "rules_above_host_limits"  # the host's rules apply
    LIMITS_ABOVE_ACCOUNT = "limits_above_account"
    STRATEGY_FAILED = "strategy_failed"  # it raised, timed out or returned an invalid value
    STOCK_LEFT_OUT = "stock_left_out"  # the broker refuses or garbles its data

    # The market and the calendar
    MARKET_MESSAGE = "market_message"  # a market-wide message of the exchange
    MARKET_PHASE_DIFFERS = "market_phase_differs"
    CALENDAR_DISAGREEMENT = "calendar_disagreement"
    CALENDAR_NOT_CONFIRMED = "calendar_not_confirmed"
    TAX_YEAR_UNKNOWN = "tax_year_unknown"

    # The close
    CLOSE_MISSED = "close_missed"  # shown until the next session has ended
    CLOSE_UNFINISHED = "close_unfinished"  # a close continues although no market is left to sell in
    CLOSE_NOT_PROVEN = "close_not_proven"  # it could not read the broker's holdings
    FLATNESS_IN_DOUBT = "flatness_in_doubt"  # a stock cannot be proven flat: rows cannot be read
    SUMMARY_NOT_WRITTEN = "summary_not_written"
    DIGEST_WRITTEN = "digest_written"  # of a week or a month; no incident: sent if requested by the outbox's trigger
    DAY_SUMMED_UP = "day_summed_up"  # no incident: sent if requested; the outbox's trigger names it

    # Machines and connections
    HOST_DIED = "host_died"
    TIME_UNWATCHED = "time_unwatched"
    CLOCK_OFF = "clock_off"
    DISK_LOW = "disk_low"
    DISK_HAS_ROOM = "disk_has_room"
    DATABASE_AWAY = "database_away"
    DATABASE_FULL = "database_full"  # sent directly, never stored: PostgreSQL refuses writes
    DATABASE_WAS_AWAY = "database_was_away"
    TEMPORAL_AWAY = "temporal_away"
    TEMPORAL_WAS_AWAY = "temporal_was_away"
    BROKER_AWAY = "broker_away"
    BROKER_WAS_AWAY = "broker_was_away"
    STREAM_AWAY = "stream_away"
    STREAM_TAKEN = "stream_taken"
    ACCESS_REFUSED = "access_refused"
    DUTY_FAILED = "duty_failed"  # a round of a host's duty raised or hung
    ALERT_CHANNEL_UNKNOWN = "alert_channel_unknown"
    TRADE_MESSAGES_DROPPED = "trade_messages_dropped"  # a channel has failed for so long that the oldest are deleted

    # Temporal
    WORKFLOW_FAILING = "workflow_failing"
    UNAUTHENTIC_REFUSED = "unauthentic_refused"  # it did not prove that it comes from the fleet
    FOREIGN_OBJECT = "foreign_object"
    FOREIGN_OBJECTS = "foreign_objects"
    FOREIGN_WORKFLOW_TERMINATED = "foreign_workflow_terminated"


AnyKind = EventKind | UnknownKind


def kind_of(stored: str) -> AnyKind:
    """Return a stored kind. The books of another version may hold kinds that this version does not know."""
    try:
        return EventKind(stored)
    except ValueError:
        return UnknownKind(stored)
