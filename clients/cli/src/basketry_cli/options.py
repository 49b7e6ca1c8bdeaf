"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class PolicyName(StrEnum):
    """What becomes of legs that do not fill at once."""

    HOLD = "HOLD"
    COMPLETE = "COMPLETE"
    UNWIND = "UNWIND"


Gateway = Annotated[
    str,
    typer.Option("--gateway", "--url", envvar="BASKETRY_GATEWAY", help="Its address; your last sign-in's if left out."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else; no questions.")]
Account = Annotated[str, typer.Option("--account", help="Id or label of an account; the newest if left out.")]
Environment = Annotated[
    str, typer.Option("--environment", help="paper, testnet, demo, or mainnet: each has limits of its own.")
]
Policy = Annotated[
    PolicyName,
    typer.Option(
        "--policy",
        case_sensitive=False,
        help="Legs that do not fill: HOLD keeps what did, COMPLETE tries the rest again, UNWIND sells what was bought.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Key = Annotated[
    str,
    typer.Option("--key", help="Idempotency-Key: the same order sent again under it trades once.", show_default=False),
]
