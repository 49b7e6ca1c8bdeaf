"""A demo beside an `up` that is still starting, and the program's own options."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from basketry_local.cli import app
from basketry_local.commands.demo import until_ready
from basketry_local.local_platform import NotReady


class Looks:
    """Answers in turn; the last one stays."""

    def __init__(self, *answers: bool | None) -> None:
        self.left = list(answers)

    async def __call__(self) -> bool | None:
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


async def test_a_demo_waits_for_an_up_that_is_still_starting() -> None:
    looks = Looks(False, False, True)
    await until_ready(looks, pause_s=0)
    assert looks.left == [True]


async def test_a_demo_says_when_what_it_waits_for_ends_or_never_comes() -> None:
    with pytest.raises(NotReady, match="stopped"):
        await until_ready(Looks(False, None), pause_s=0)
    with pytest.raises(NotReady, match="basketry status"):
        await until_ready(Looks(False), pause_s=0)


def test_the_version_needs_no_command() -> None:
    told = CliRunner().invoke(app, ["--version"])
    assert told.exit_code == 0
    assert told.output.startswith("basketry ")
