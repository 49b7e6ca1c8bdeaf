"""What an error means for the user's money, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from basketry_cli.exits import Exit
from basketry_cli.problems import ApiProblem, OrderUnanswered, Wish
from basketry_cli.views.numbers import at_least, at_most, short

_UNTOUCHED = "nothing was ordered; what you hold is as it was."
_STANDS = "no orders were sent by this command; positions and orders under way are not affected."


_TRADED = {"plan_already_executed", "plan_already_used"}
_OVER = {"CLOSED", "FAILED"}
_STANDING = {
    "taken": "the plan's one order was taken before and is about to trade",
    "under_way": "the plan's one order is trading now",
    "ended": "the plan's one order has come to its end: what it traded is in the position already",
}
_EARLIER = "an order that was taken before goes on; this command added nothing to it."
_MEANS = {"close_already_requested": _EARLIER, "run_already_requested": _EARLIER}


@dataclass(frozen=True, slots=True)
class Advice:
    """Three sentences and an exit status.

    Args:
        happened: What went wrong.
        means: What it means for the user's money.
        do: What to do now.
        code: For programs, and for whoever is asked for help.
        trace: The request's name in the platform's logs.
        plan: What was asked for, as it would be now, where the answer brings that.
    """

    happened: str
    means: str
    do: str
    exit_code: Exit
    code: str = ""
    trace: str = ""
    plan: dict[str, Any] = field(default_factory=dict)


def advice_on(error: Exception) -> Advice | None:
    """Sentences about an error that people can do something about; None for any other."""
    if isinstance(error, ApiProblem):
        return _on_problem(error)
    if isinstance(error, OrderUnanswered):
        return _on_silence(error)
    if isinstance(error, Wish):
        do = error.do or "look at the command with --help."
        return Advice(str(error), _UNTOUCHED, do, Exit.USAGE, "wish")
    if isinstance(error, httpx.HTTPError | OSError):
        words = str(error) or type(error).__name__
        do = "is the address right (--gateway)? On this machine: ./basketry status, ./basketry up."
        return Advice(f"the gateway does not answer: {words}", _STANDS, do, Exit.AWAY, "gateway_unreachable")
    return None


def _on_silence(error: OrderUnanswered) -> Advice:
    return Advice(
        f"the order was sent, but no answer came: {error}",
        "it was taken once, or not at all; never twice.",
        f"./basketry positions shows whether it was taken. ./basketry execute {error.plan_id} --key {error.key} "
        "sends the same order again, which cannot trade twice.",
        Exit.UNKNOWN,
        "order_unanswered",
    )


def _on_problem(problem: ApiProblem) -> Advice:
    means, do = _means(problem), _by_code(problem)
    if problem.status == httpx.codes.UNAUTHORIZED:
        exit_code = Exit.SIGN_IN
    elif problem.status >= 500 or problem.status == httpx.codes.TOO_MANY_REQUESTS:
        exit_code, means = Exit.AWAY, _STANDS
    else:
        exit_code = Exit.REFUSED
    trace = str(problem.body.get("trace_id", ""))
    return Advice(str(problem), means, do, exit_code, problem.code, trace, _plan_beside(problem))


def _plan_beside(problem: ApiProblem) -> dict[str, Any]:
    plan = problem.context.get("plan")
    return plan if isinstance(plan, dict) else {}


def _means(problem: ApiProblem) -> str:
    """An earlier order is never passed over: whoever hears that nothing was ordered orders again."""
    if problem.code in _TRADED:
        stands = str(problem.context.get("stands", ""))
        return f"{_STANDING.get(stands, 'this plan has had its order before')}; this command added nothing to it."
    return _MEANS.get(problem.code, _UNTOUCHED)


def _by_code(problem: ApiProblem) -> str:
    if told := _by_facts(problem) or _by_amount(problem):
        return told
    if problem.code in _DO:
        return _DO[problem.code]
    if problem.status == httpx.codes.UNAUTHORIZED:
        return "sign in again: ./basketry login"
    if problem.status == httpx.codes.TOO_MANY_REQUESTS or problem.status >= 500:
        wait = f" in {problem.retry_after_s:.0f} s" if problem.retry_after_s else " in a moment"
        return f"try again{wait}."
    return "change what you asked for; --help shows how."


def _by_facts(problem: ApiProblem) -> str:
    """Advice that names a position or a plan; empty where there is none to name."""
    if problem.code in _TRADED and problem.context.get("position_id"):
        show = "watch" if problem.context.get("stands") in {"taken", "under_way"} else "positions"
        return f"nothing, if you meant this once: ./basketry {show} {short(problem.context['position_id'])} shows it."
    if problem.code in {"position_not_closable", "position_busy"} and _is_over(problem.context):
        return "nothing: it holds nothing any more. ./basketry results shows how it did."
    if plan := _plan_beside(problem):
        return f"look at the plan as it is now; ./basketry execute {plan.get('plan_id')} trades it, within a minute."
    return ""


def _is_over(context: dict[str, Any]) -> bool:
    """Whether a position has come to its end, as the gateway says it (`status`) or execution (`reason`)."""
    return context.get("status") in _OVER or str(context.get("reason", "")).removeprefix("position_").upper() in _OVER


def _by_amount(problem: ApiProblem) -> str:
    """Advice that names an amount; empty where there is none to name."""
    context = problem.context
    if problem.code == "amount_too_small" and context.get("minimum_amount"):
        least = at_least(context.get("least_amount") or context["minimum_amount"])
        return f"plan with {least} USDT or more, or {_smaller_index(context)}."
    if problem.code == "insufficient_balance" and context.get("available"):
        return f"plan with {at_most(context['available'])} USDT or less, or {_more_money(context)}."
    if problem.code == "book_too_thin" and context.get("largest_amount"):
        return f"plan with {at_most(context['largest_amount'])} USDT or less, or with --policy COMPLETE."
    return ""


def _smaller_index(context: dict[str, object]) -> str:
    if context.get("largest_index"):
        return f"a smaller index, such as {context['largest_index']}"
    if "largest_index" in context:  # no built-in one is small enough
        return "an index of your own with few coins (./basketry new-index)"
    return "a smaller index (./basketry index)"


def _more_money(context: dict[str, object]) -> str:
    if context.get("environment") == "paper":
        return "open an account with more play money: ./basketry keys --paper more --balance 20000"
    return "move USDT into the Unified Trading account"


_DO = {
    "unknown_index": "./basketry index lists the indices.",
    "position_not_found": "./basketry positions lists yours.",
    "position_not_closable": "./basketry watch shows what it is doing; try again when it is ACTIVE.",
    "close_already_requested": "./basketry watch shows it being sold.",
    "plan_not_found": "make a new plan: ./basketry plan",
    "plan_expired": "make a new plan: prices older than a minute are not traded on.",
    "plan_changed": "make a new plan and look at it: ./basketry plan",
    "nothing_to_do": "nothing: it is on its targets.",
    "nothing_to_sell": "./basketry plan --close POSITION shows later what can be sold then.",
    "position_busy": "./basketry watch shows what it is doing; try again when it is ACTIVE.",
    "run_already_requested": "./basketry watch shows it being traded.",
    "plan_already_used": "./basketry positions shows what it did.",
    "plan_already_executed": "./basketry positions shows what it did.",
    "idempotency_key_reused": "leave out --key for a new order.",
    "credentials_invalid": "check the e-mail address and the password.",
    "login_delayed": "wait as long as it says, then try again.",
    "email_taken": "sign in instead: ./basketry login, with the password of then; or sign up with another address.",
    "too_few_constituents": "name other coins, or fewer (--size): ./basketry index top-20 shows what can be bought.",
    "coins_not_available": "leave them out: ./basketry index top-20 shows what can be bought.",
    "account_not_found": "leave out --account for the newest one.",
    "account_suspended": "the venue refused the account's key: check it, or store a new one.",
    "key_suspended": "the venue refused the account's key: check it, or store a new one.",
    "token_reused": "sign in again: ./basketry login. If nobody but you could have used it, look at ./basketry activity; ./basketry halt stops all buying.",
    "insufficient_balance": "plan with less, or move USDT into the Unified Trading account.",
    "amount_too_small": "plan with more, or a smaller index (./basketry index).",
    "book_too_thin": "try again later, or with --policy COMPLETE, which tries until a deadline.",
    "no_fresh_prices": "try again in a moment.",
    "key_not_found": "./basketry keys lists yours.",
    "key_can_withdraw": "make another key at the venue without the right to withdraw, and add that; delete this one there.",
    "key_permission_not_allowed": "make another key at the venue with the right to trade spot alone, and add that.",
    "key_read_only": "make a key at the venue that may read and write, for spot trading alone.",
    "key_without_spot_trade": "give the key the right to trade spot at the venue, and add it again.",
    "key_rejected_by_venue": "copy the secret again: the venue shows it only once, so you may need a new key.",
    "key_unknown_to_venue": "check the key and --environment: testnet, demo and mainnet have keys of their own.",
    "key_expired": "make a new key at the venue, bound to the addresses of this platform, and add it.",
    "key_ip_not_allowed": "bind the key at the venue to the addresses of this platform, as its operator tells them.",
    "key_malformed": "copy key and secret again: a piece is missing, or there is one too many.",
    "key_expiry_not_accepted": "bind the key to addresses at the venue, or add --accept-expiry.",
    "key_account_taken": "sign in as the user who connected it, or delete it there first.",
    "shortage_not_found": "./basketry shortages lists what is missing now.",
    "shortage_changed": "look again (./basketry shortages): it has changed in the meantime.",
    "paper_balance_too_large": "ask for less play money with --balance.",
    "limits_refused": "./basketry limits shows the platform's limits: yours can only be stricter.",
    "guards_changed": "look again (./basketry limits): they were changed in the meantime.",
    "halt_not_found": "./basketry limits shows what is halted; what an operator has stopped only they can release.",
    "trading_halted": "./basketry limits shows what is halted; ./basketry release lifts what you have halted yourself.",
    "limit_reached": "./basketry limits shows what is used of your limits.",
    "mainnet_not_enabled": "use an account on paper, testnet or demo: live trading is switched on by the operator.",
}
