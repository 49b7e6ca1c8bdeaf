"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Gateway = Annotated[
    str,
    typer.Option("--gateway", "--url", envvar="BASKETRY_GATEWAY", help="Its address; your last sign-in's if left out."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else; no questions.")]
Account = Annotated[str, typer.Option("--account", help="Id or label of an account; the newest if left out.")]
Environment = Annotated[
    str, typer.Option("--environment", help="paper, testnet, demo, or mainnet: each has limits of its own.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Key = Annotated[
    str,
    typer.Option("--key", help="Idempotency-Key: the same order sent again under it trades once.", show_default=False),
]
