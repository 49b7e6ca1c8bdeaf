"""The composition root: the only module that knows every room."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import httpx

from keys.application.add_key import AddKey
from keys.application.approve_plan import ApprovePlan
from keys.application.check_key import CheckKey
from keys.application.delete_key import DeleteKey
from keys.application.key_pairs import CompletePair, MakePair, PairTools, ReadPairs
from keys.application.open_paper_account import OpenPaperAccount
from keys.application.read_guards import ReadGuards
from keys.application.read_keys import ReadKeys
from keys.application.refusals import Refusals
from keys.application.set_limits import SetLimits
from keys.application.sign import Sign
from keys.application.sign_stream import SignStream
from keys.application.switch_trading import SwitchTrading
from keys.application.verify_audit import CheckedChain, VerifyAudit
from keys.domain.audit import AuditSeal
from keys.domain.orders import LinkKeys
from keys.inbound.daily_check import daily_check
from keys.inbound.events import orders
from keys.inbound.rpc import answers
from keys.inbound.tidying import tidying
from keys.inbound.use_cases import UseCases
from keys.outbound.account_index import HashedAccountIndex
from keys.outbound.kek_file import FileKeyEncryptionKeys, read_kek_file
from keys.outbound.key_venue import BybitKeyVenue
from keys.outbound.paper_desk import HttpPaperDesk
from keys.outbound.postgres import tables
from keys.outbound.postgres.audit_chains import PostgresAuditChains
from keys.outbound.postgres.guard_book import PostgresGuardBook
from keys.outbound.postgres.key_book import PostgresCheckQueue, PostgresKeyBook, PostgresPruning
from keys.outbound.postgres.shared_egress import SharedEgress
from keys.outbound.signatures import RsaPairs, VenueSignatures
from keys.outbound.vault import EnvelopeVault
from keys.outbound.views import announcements, halt_announcement, halt_view, view_of
from keys.settings import Settings
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.runtime.process import Process
from shared.runtime.settings import dsn_text
from shared.trading.clock import Clock, Ids, SystemClock, SystemIds


def make_process(settings: Settings) -> Process:
    """The service, ready to run."""
    database = Database(dsn_text(settings.database_dsn), pool_size=12)
    http = httpx.AsyncClient(trust_env=False, follow_redirects=False)
    cases = make_use_cases(settings, database, http)
    return Process(
        "keys",
        settings,
        database=database,
        outbox=tables.outbox,
        events=[orders(cases)],
        rpc=[answers(cases)],
        loops={"daily_check": daily_check(cases), "tidying": tidying(cases)},
        on_stop=[http.aclose],
    )


def make_use_cases(
    settings: Settings,
    database: Database,
    http: httpx.AsyncClient,
    *,
    clock: Clock | None = None,
    ids: Ids | None = None,
) -> UseCases:
    """Everything this service can do, on real adapters."""
    clock, ids = clock or SystemClock(), ids or SystemIds()
    keks = read_kek_file(settings.kek_file)
    vault = EnvelopeVault(keks, clock)
    book = make_book(database, keks, clock, ids)
    signatures = VenueSignatures()
    venue = BybitKeyVenue(settings.venues, http, clock, signatures)
    accounts = HashedAccountIndex(keks.derived("venue-accounts"))
    add = AddKey(book=book, vault=vault, venue=venue, accounts=accounts, clock=clock, ids=ids)
    pairs = PairTools(book=book, vault=vault, venue=venue, maker=RsaPairs(), clock=clock, ids=ids)
    refusals = Refusals(clock)
    limits = settings.platform_limits()
    guards = make_guards(database, keks, clock, ids)
    egress = SharedEgress(database, clock, per_slot=settings.egress_per_second)
    return UseCases(
        add=add,
        open_paper_account=OpenPaperAccount(
            desk=HttpPaperDesk(settings.paper_control_url, settings.paper_admin_token, http), add_key=add
        ),
        read=ReadKeys(book=book),
        check=CheckKey(book=book, vault=vault, venue=venue, clock=clock),
        delete=DeleteKey(book=book, vault=vault, clock=clock),
        make_pair=MakePair(pairs),
        complete_pair=CompletePair(pairs, add),
        read_pairs=ReadPairs(pairs),
        sign=Sign(
            book=book,
            vault=vault,
            signatures=signatures,
            egress=egress,
            links=LinkKeys(key=settings.link_key_bytes()),
            refusals=refusals,
            limits=limits,
            venues=venue,
            clock=clock,
        ),
        sign_stream=SignStream(
            book=book, vault=vault, signatures=signatures, refusals=refusals, venues=venue, clock=clock
        ),
        approve=ApprovePlan(book=book),
        switch=SwitchTrading(book=guards, clock=clock, ids=ids),
        set_limits=SetLimits(book=guards, defaults=limits, clock=clock),
        guards=ReadGuards(book=guards, defaults=limits, clock=clock),
        due_checks=PostgresCheckQueue(database),
        pruning=PostgresPruning(database),
        view=lambda key: view_of(key, clock.now()),
        halt_view=halt_view,
        clock=clock,
    )


async def check_audit(settings: Settings, key_id: UUID | None) -> Sequence[CheckedChain]:
    """Check the audit of one key, or of all that are known, beside a running service."""
    database = Database(dsn_text(settings.database_dsn), pool_size=1)
    try:
        chains = PostgresAuditChains(database)
        return await VerifyAudit(chains=chains, seal=audit_seal(read_kek_file(settings.kek_file))).execute(key_id)
    finally:
        await database.close()


def audit_seal(keks: FileKeyEncryptionKeys) -> AuditSeal:
    """What seals the audit; the database never sees its key."""
    return AuditSeal(keks.derived("audit").reveal())


def make_book(database: Database, keks: FileKeyEncryptionKeys, clock: Clock, ids: Ids) -> PostgresKeyBook:
    """The stored keys with their audit and outbox."""
    outbox = Outbox(tables.outbox, source="keys", clock=clock, ids=ids)
    return PostgresKeyBook(database, outbox, seal=audit_seal(keks), announcement=announcements(clock))


def make_guards(database: Database, keks: FileKeyEncryptionKeys, clock: Clock, ids: Ids) -> PostgresGuardBook:
    """The stored limits and halts with their audit and outbox."""
    outbox = Outbox(tables.outbox, source="keys", clock=clock, ids=ids)
    return PostgresGuardBook(database, outbox, seal=audit_seal(keks), announcement=halt_announcement)
