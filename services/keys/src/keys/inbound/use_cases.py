"""The use cases that the doors of this service open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from keys.application.add_key import AddKey
from keys.application.approve_plan import ApprovePlan
from keys.application.book_ports import CheckQueue, Pruning
from keys.application.check_key import CheckKey
from keys.application.delete_key import DeleteKey
from keys.application.key_pairs import CompletePair, MakePair, ReadPairs
from keys.application.open_paper_account import OpenPaperAccount
from keys.application.read_guards import ReadGuards
from keys.application.read_keys import ReadKeys
from keys.application.set_limits import SetLimits
from keys.application.sign import Sign
from keys.application.sign_stream import SignStream
from keys.application.switch_trading import SwitchTrading
from keys.domain.halts import Halt
from keys.domain.stored_key import StoredKey
from shared.contracts.account import HaltView, KeyView
from shared.trading.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    """Everything this service can do."""

    add: AddKey
    open_paper_account: OpenPaperAccount
    read: ReadKeys
    check: CheckKey
    delete: DeleteKey
    make_pair: MakePair
    complete_pair: CompletePair
    read_pairs: ReadPairs
    sign: Sign
    sign_stream: SignStream
    approve: ApprovePlan
    switch: SwitchTrading
    set_limits: SetLimits
    guards: ReadGuards
    due_checks: CheckQueue
    pruning: Pruning
    view: Callable[[StoredKey], KeyView]
    halt_view: Callable[[Halt], HaltView]
    clock: Clock
