"""The venue's refusals: a code and a sentence, as Bybit v5 answers them."""

from __future__ import annotations

from shared.trading.errors import Invalid


class Refused(Invalid):
    """The venue refuses; `ret_code` and the sentence travel in the envelope or in a batch leg."""

    code = "venue_refused"
    title = "The venue refuses"

    def __init__(self, ret_code: int, ret_msg: str) -> None:
        super().__init__(ret_msg, context={"ret_code": ret_code})
        self.ret_code = ret_code
        self.ret_msg = ret_msg


class Unsigned(Refused):
    """A call without a key, a time or a signature; its answer has null where others have empty objects."""

    code = "venue_refused_unsigned"
    title = "The venue refuses a call that nobody signed"


class Unreadable(Refused):
    """What was ordered on a control path says nothing that could be done."""

    code = "venue_order_unreadable"
    title = "The order to the venue cannot be read"

    def __init__(self, sentence: str) -> None:
        super().__init__(10001, sentence)


def parameter(name: str) -> Refused:
    """A parameter is missing or malformed."""
    return Refused(170130, f"Data sent for paramter '{name}' is not valid.")


def request_error(sentence: str) -> Refused:
    """The request as a whole cannot be read."""
    return Refused(10001, sentence)


TOO_MANY_VISITS = (10006, "Too many visits. Exceeded the API Rate Limit.")
ORDER_DOES_NOT_EXIST = (170213, "Order does not exist.")
PERMISSION_DENIED = (10005, "Permission denied, please check your API key permissions.")
