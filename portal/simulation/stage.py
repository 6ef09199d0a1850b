"""Where the simulated years happen: staff, the bank, the pools, and how money arrives."""

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.utils import timezone

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.ledger.models import Pool
from funding.payments.banking import channels, confirming
from funding.payments.banking.imports import import_statement
from funding.payments.demo import AS_CSV
from funding.payments.models import BankAccount, ExpectedPayment, ManualChannel
from funding.payments.simulated_processor import Processor
from funding.pools.models import PoolProfile
from funding.pools.opening import open_pool
from home.models import HomePage, PoolIndexPage, PoolPage
from portal import groups
from portal.simulation.planned import Plan, PlannedPool
from portal.site_tree import plant, setup_tree

LANGUAGE = "en"
HEAD = "Date;Amount;Reference;Counterparty;Details"
DOMAIN = "simulation.example.org"


class Stage:
    """The staff, pools and payments of one run, which givers and members share."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.processor = Processor()
        self.profiles: list[PoolProfile] = []
        self.treasurers: list[User] = []
        self.officers: list[User] = []
        self.evidence = 0
        # What the statements of each currency came to, in minor units.
        self.banked: dict[str, int] = {}

    def set_up(self) -> None:
        """Groups, first pages, staff, accounts at the bank, and the pools with their pages."""
        with use_case():
            groups.setup_groups()
            home = setup_tree()
        self.treasurers = [
            self._staff(f"treasurer{number}", groups.TREASURERS) for number in range(3)
        ]
        self.officers = [
            self._staff(f"officer{number}", groups.MEMBERSHIP_OFFICERS) for number in range(4)
        ]
        for currency in sorted({pool.currency for pool in self.plan.pools}):
            self._bank(currency)
        for pool in self.plan.pools:
            self.profiles.append(self._open(pool))
            with use_case():
                self._page(home, pool)

    def _staff(self, name: str, group: str) -> User:
        person = self.person(name, name)
        with use_case():
            person.groups.set(Group.objects.filter(name=group))
        return person

    def person(self, name: str, called: str) -> User:
        """Somebody new with a confirmed address, who cannot sign in."""
        address = f"{name}@{DOMAIN}"
        with use_case():
            user = User.objects.create_user(address, first_name=called)
            EmailAddress.objects.create(user=user, email=address, verified=True, primary=True)
        return user

    def _bank(self, currency: str) -> None:
        with use_case():
            BankAccount.objects.create(
                name=f"Simulated account {currency}",
                currency=currency,
                holder="Simulation (example)",
                bank="Example Bank",
                number=f"SIMULATED-{currency}",
                more="An example: send no money.",
            )
            ManualChannel.objects.create(
                name=f"Simulated mobile money {currency}",
                currency=currency,
                kind=ManualChannel.Kind.MOBILE_MONEY,
                country="MW",
                instructions="An example: send no money.",
                evidence_hint="The number of the message",
            )

    def _open(self, pool: PlannedPool) -> PoolProfile:
        return open_pool(
            code=pool.code,
            currency=pool.currency,
            title=pool.title,
            purpose=f"A simulated pool: {pool.title}.",
            opens_on=self.plan.start,
            restricted=pool.restricted,
            goal=pool.goal,
            minimum_gift=1,
            countries=pool.countries,
            overhead_rate=pool.overhead_rate,
        )

    def _page(self, home: HomePage, pool: PlannedPool) -> None:
        index = PoolIndexPage.objects.child_of(home).get()
        row = Pool.objects.get(code=pool.code)
        words = {"title": pool.title, "summary": f"A simulated pool: {pool.title}."}
        plant(index, PoolPage(slug=pool.code, pool=row), {"en": words})

    def bring(self, expected: ExpectedPayment) -> None:
        """The money is here: as mobile money that staff confirm, or as a line of a statement."""
        self.evidence += 1
        amount = Money(expected.amount, expected.currency)
        if expected.channel is not None:
            with use_case():
                channels.confirm_payment(
                    expected,
                    amount,
                    evidence=f"SIM{self.evidence:08d}",
                    paid_on=timezone.localdate(),
                    by=self.treasurers[0],
                )
            return
        before = self.banked.get(expected.currency, 0)
        self.banked[expected.currency] = before + amount.amount
        fields = (timezone.localdate(), amount.decimal, f"SIM{self.evidence:08d}", "A payer", "")
        row = ";".join(str(field) for field in fields) + expected.reference
        imported = import_statement(
            BankAccount.objects.get(currency=expected.currency),
            ContentFile(f"{HEAD}\n{row}".encode(), name=f"{self.evidence:08d}.csv"),
            by=self.treasurers[0],
            mapping=AS_CSV,
            opening=Money(before, expected.currency),
            closing=Money(before + amount.amount, expected.currency),
        )
        with use_case():
            confirming.match_to_expected(
                imported.statements[0].lines.get(), expected, by=self.treasurers[0]
            )
