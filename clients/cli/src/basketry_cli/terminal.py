"""Where a command writes, and how it ends: tables for people, one JSON object for programs, advice for errors."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import typer
from rich.console import Console, RenderableType
from rich.text import Text

from basketry_cli.advice import Advice, advice_on
from basketry_cli.exits import Exit
from basketry_cli.gateway import GatewayClient
from basketry_cli.problems import ApiProblem, Wish
from basketry_cli.session_file import SessionClient, SessionFile
from basketry_cli.views.plan import plan_view

DEFAULT_GATEWAY = "http://127.0.0.1:8080"
Work = Callable[[GatewayClient], Awaitable[Exit | None]]


class Terminal:
    """One command's ends: answers on stdout, everything else on stderr.

    Args:
        as_json: One JSON object on stdout, no questions, errors as JSON on stderr.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out = Console(highlight=False)
        self.err = Console(stderr=True, highlight=False)

    def show(self, view: RenderableType, facts: Any) -> None:
        """An answer: the view for people, the facts for programs."""
        if self.as_json:
            self.line(facts)
        else:
            self.out.print(view)

    def line(self, facts: Any) -> None:
        """One line of JSON, at once."""
        sys.stdout.write(json.dumps(facts, default=str, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def remark(self, facts: Any) -> None:
        """By the way, for programs alone."""
        sys.stderr.write(json.dumps(facts) + "\n")

    def note(self, words: str) -> None:
        """By the way, for people alone."""
        if not self.as_json:
            self.err.print(Text(words, style="dim"), soft_wrap=True)

    def confirm(self, question: str, *, instead: str = "--yes") -> bool:
        """Ask for a yes.

        Args:
            question: What a yes means.
            instead: What says it without a question.

        Raises:
            Wish: nobody is there to answer; programs are never asked.
        """
        if self.as_json:
            raise Wish(f"with --json nobody can be asked: add {instead}", do=f"add {instead}.")
        return bool(self._asked(lambda: typer.confirm(question, default=False), instead))

    def ask(self, question: str, *, instead: str, hidden: bool = False) -> str:
        """Ask for words; hidden ones only at a terminal.

        Raises:
            Wish: nobody is there to answer; programs are never asked.
        """
        if self.as_json or (hidden and not sys.stdin.isatty()):
            raise Wish(
                f"nobody can be asked for the {question.lower()} here: {instead} says it", do=f"say it with {instead}."
            )
        return str(self._asked(lambda: typer.prompt(question, hide_input=hidden), instead))

    def _asked(self, question: Callable[[], Any], instead: str) -> Any:
        try:
            return question()
        except typer.Abort:
            self.err.print()
            if sys.stdin.isatty():
                raise KeyboardInterrupt from None
            raise Wish(f"nobody answered: {instead} says it without a question", do=f"say it with {instead}.") from None

    def advise(self, advice: Advice) -> None:
        """Say what went wrong, what it means and what to do."""
        if self.as_json:
            told = {
                "error": advice.happened,
                "means": advice.means,
                "do": advice.do,
                "code": advice.code,
                "trace_id": advice.trace,
            } | ({"plan": advice.plan} if advice.plan else {})
            sys.stderr.write(json.dumps(told, ensure_ascii=False) + "\n")
            return
        self.err.print(Text.assemble(("✗ ", "red"), (advice.happened, "bold")), soft_wrap=True)
        if advice.plan:
            self.err.print(plan_view(advice.plan))
        self.err.print(f"  your money: {advice.means}", soft_wrap=True)
        self.err.print(f"  what to do: {advice.do}", soft_wrap=True)
        names = [f"code {advice.code}" if advice.code else "", f"trace {advice.trace}" if advice.trace else ""]
        self.err.print(Text("  " + " · ".join(name for name in names if name), style="dim"), soft_wrap=True)

    def run(self, work: Callable[[], Awaitable[Exit | None]], *, interrupted: Exit = Exit.INTERRUPTED) -> None:
        """Do a command's work and end with its exit status.

        Args:
            work: Called in a loop of its own; may name the status.
            interrupted: The status when the user presses Ctrl-C.
        """
        try:
            ended = asyncio.run(_awaited(work)) or Exit.OK
        except KeyboardInterrupt:
            ended = interrupted
        except BrokenPipeError:  # the reader of a pipe had enough
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - so that Python's own end is quiet
            ended = Exit.OK
        except Exception as error:
            advice = advice_on(error)
            if advice is None:
                raise
            self.advise(advice)
            ended = advice.exit_code
        if ended is not Exit.OK:
            raise typer.Exit(ended)

    def run_signed_in(self, gateway: str, work: Work, *, interrupted: Exit = Exit.INTERRUPTED) -> None:
        """The same with a client of the session at `gateway`, or where the last sign-in was."""

        async def session() -> Exit | None:
            file = SessionFile()
            async with SessionClient(address(gateway or file.gateway or DEFAULT_GATEWAY), file) as client:
                if client.tokens is None:
                    silent = "" if await client.answers() else ", and nothing answers there"
                    detail = f"You are not signed in at {client.url}{silent}."
                    raise ApiProblem(401, {"code": "token_missing", "detail": detail})
                return await work(client)

        self.run(session, interrupted=interrupted)


def address(gateway: str) -> str:
    """A gateway's address as it was given.

    Raises:
        Wish: it is none.
    """
    try:
        url = httpx.URL(gateway)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise Wish(f"{gateway!r} is no address of a gateway", do=f"write one like {DEFAULT_GATEWAY}.")
    return gateway


async def _awaited(work: Callable[[], Awaitable[Exit | None]]) -> Exit | None:
    return await work()
