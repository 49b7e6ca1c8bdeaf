from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from kit.paper_process import running_paper_process


@dataclass(frozen=True)
class PaperExchange:
    rest: str
    coingecko: str


@pytest.fixture(scope="session")
def paper_exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperExchange]:
    """The real process, whose prices move."""
    with running_paper_process(tmp_path_factory.mktemp("paper"), FEED="simulated") as paper:
        yield PaperExchange(rest=paper.url, coingecko=paper.coingecko_url)
