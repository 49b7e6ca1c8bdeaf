"""What to do about an attempt that is not terminal: ask, wait, send again, close or call a person."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from execution.domain.attempt import LOST, Attempt
from execution.domain.protocol_times import ProtocolTimes
from shared.trading.status import AttemptState


class Step(StrEnum):
    """What the resolver does now."""

    WAIT = "wait"
    ASK = "ask"
    RESEND = "resend"
    CLOSE = "close"
    LOSE = "lose"
    GIVE_UP = "give_up"


def next_step(attempt: Attempt, *, now: datetime, times: ProtocolTimes, in_band: bool | None, may_trade: bool) -> Step:
    """The one step that the evidence rules allow now.

    Args:
        attempt: As it stands.
        now: The moment of the decision.
        times: The protocol's waits.
        in_band: Whether the order's limit still meets the best price; None without a fresh quote.
        may_trade: Whether the run may still send.
    """
    if attempt.terminal:
        return Step.WAIT
    if attempt.overdue(now, times):
        return Step.GIVE_UP
    if attempt.state in LOST and attempt.closes_absent(times):
        wanted = may_trade and attempt.state is AttemptState.UNKNOWN
        return _after_absence(in_band=in_band, may_trade=wanted)
    if _never_answered(attempt, now, times) or _never_appeared(attempt, now, times):
        return Step.LOSE
    due = attempt.state is not AttemptState.INTENT and now >= question_due(attempt, times)
    return Step.ASK if due else Step.WAIT


def _after_absence(*, in_band: bool | None, may_trade: bool) -> Step:
    if not may_trade:
        return Step.CLOSE
    if in_band is None:
        return Step.WAIT
    return Step.RESEND if in_band else Step.CLOSE


def _never_answered(attempt: Attempt, now: datetime, times: ProtocolTimes) -> bool:
    return attempt.state is AttemptState.INTENT and now >= attempt.send_before + times.recv_window


def _never_appeared(attempt: Attempt, now: datetime, times: ProtocolTimes) -> bool:
    return (
        attempt.state is AttemptState.ACKED
        and attempt.final_state is None
        and attempt.checks >= 1
        and now >= attempt.updated_at + times.ack_patience
    )


def quiet_until(attempt: Attempt, times: ProtocolTimes) -> datetime | None:
    """Until when the venue is left alone about it, after questions without an answer; None when the last had one."""
    if attempt.asked_at is None or not attempt.failures:
        return None
    return attempt.asked_at + times.back_off(attempt.failures)


def question_due(attempt: Attempt, times: ProtocolTimes) -> datetime:
    """When the attempt is to be asked about next."""
    quiet = quiet_until(attempt, times)
    if quiet is not None:
        return quiet
    if attempt.state is AttemptState.UNKNOWN:
        return _unknown_due(attempt, times)
    if attempt.state is AttemptState.NEEDS_ATTENTION:
        return (attempt.asked_at or attempt.updated_at) + times.absence_window
    return max(attempt.asked_at or attempt.updated_at, attempt.updated_at) + times.quiet_stream


def _unknown_due(attempt: Attempt, times: ProtocolTimes) -> datetime:
    if attempt.checked_at is None:
        return attempt.sent_by
    if attempt.first_absence_at is not None:
        return attempt.checked_at + times.absence_window / 2
    pause: timedelta = min(times.first_question * 2 ** min(attempt.checks, 10), times.longest_pause)
    barrier = times.barrier(attempt.sent_by)
    due = attempt.checked_at + pause
    return barrier if attempt.checked_at < barrier < due else due
