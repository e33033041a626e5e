"""Accounts as far as the engine need not know them: agents, sub-accounts, builders, referrers, account modes."""

import re
from collections.abc import Callable
from decimal import Decimal

from touchstone.local.server.agents import Agents
from touchstone.local.server.refusals import ActionRefused
from touchstone.venues.hyperliquid.actions import address
from touchstone.venues.hyperliquid.errors import (
    AGENT_SEND,
    BUILDER_FEE,
    SUB_ACCOUNT_VOLUME,
    UNKNOWN_REFERRAL,
    WireError,
)
from touchstone.venues.hyperliquid.info import UserRole
from touchstone.venues.hyperliquid.signing import keccak256

SUB_ACCOUNT_VOLUME_USD = 100_000
MOST_BUILDERS = 10
TENTHS_OF_BP_PER_PERCENT = 1_000
MODES = {"i": "disabled", "u": "unifiedAccount", "p": "portfolioMargin"}


class Directory:
    """`has_account` is the engine's word on who is funded."""

    def __init__(self, has_account: Callable[[str], bool]) -> None:
        self.is_account = has_account
        self.agents = Agents()
        self._masters: dict[str, str] = {}  # of sub-accounts
        self._names: dict[str, str] = {}
        self._builders: dict[str, dict[str, int]] = {}
        self._codes: dict[str, str] = {}  # referral code: who registered it
        self._referrers: dict[str, str] = {}
        self._modes: dict[str, str] = {}

    def account_of(self, signer: str, now_ms: int) -> str | None:
        """The account for which a key signs: its own, or that whose agent it is."""
        return signer if self.is_account(signer) else self.agents.master_of(signer, now_ms)

    def role(self, user: str, now_ms: int) -> UserRole:
        """Answer to `userRole`."""
        if master := self._masters.get(user):
            return UserRole("subAccount", {"master": master})
        if self.is_account(user):
            return UserRole("user")
        if master := self.agents.master_of(user, now_ms):
            return UserRole("agent", {"user": master})
        return UserRole("missing")

    # Sub-accounts.

    def master_of_sub_account(self, user: str) -> str | None:
        """None for an account that is no sub-account."""
        return self._masters.get(user)

    def sub_accounts(self, master: str) -> list[tuple[str, str]]:
        """(name, address) of each."""
        return [(self._names[sub], sub) for sub, owner in self._masters.items() if owner == master]

    def create_sub_account(self, master: str, name: str, volume: Decimal) -> str:
        """Address of a new sub-account. Raises ActionRefused where too little was traded."""
        if volume < SUB_ACCOUNT_VOLUME_USD:
            required = f"{SUB_ACCOUNT_VOLUME_USD}. Traded: ${volume:.2f}."
            raise ActionRefused(SUB_ACCOUNT_VOLUME.render(required=required))
        sub = "0x" + keccak256(f"{master} {len(self._masters)} {name}".encode())[-20:].hex()
        self._masters[sub] = master
        self._names[sub] = name
        return sub

    def check_agent_send(self, account: str, destination: str) -> None:
        """Raises ActionRefused unless an agent sends to its own account or a sub-account of it."""
        if destination != account and self._masters.get(destination) != account:
            raise ActionRefused(AGENT_SEND.render())

    # Builders and referrers.

    def approve_builder(self, user: str, builder: str, max_fee_rate: str) -> None:
        """Allow a builder a fee up to a rate like `0.01%`. Raises ActionRefused."""
        try:
            builder = address(builder, "builder")
        except WireError as error:
            raise ActionRefused(str(error)) from error
        found = re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?)%", max_fee_rate)
        if found is None:
            raise ActionRefused(f"Invalid max fee rate: {max_fee_rate[:40]}")  # wording not captured
        approved = self._builders.setdefault(user, {})
        if builder not in approved and len(approved) >= MOST_BUILDERS:
            raise ActionRefused(f"Cannot approve more than {MOST_BUILDERS} builders")  # wording not captured
        approved[builder] = int(Decimal(found[1]) * TENTHS_OF_BP_PER_PERCENT)

    def check_builder(self, user: str, builder: str, tenths_of_bp: int) -> None:
        """Raises ActionRefused where the user did not approve such a fee."""
        if tenths_of_bp > self.max_builder_fee(user, builder) or tenths_of_bp < 0:
            raise ActionRefused(BUILDER_FEE.render())

    def max_builder_fee(self, user: str, builder: str) -> int:
        """Answer to `maxBuilderFee`, tenths of a basis point."""
        return self._builders.get(user, {}).get(builder, 0)

    def builders(self, user: str) -> list[str]:
        """Answer to `approvedBuilders`."""
        return [builder for builder, fee in self._builders.get(user, {}).items() if fee]

    def register_code(self, user: str, code: str) -> None:
        """Register a referral code."""
        self._codes.setdefault(code, user)

    def set_referrer(self, user: str, code: str) -> None:
        """Raises ActionRefused for a code that nobody registered."""
        if code not in self._codes:
            raise ActionRefused(UNKNOWN_REFERRAL.render())
        self._referrers[user] = code

    def referrer(self, user: str) -> str | None:
        """Code that a user set."""
        return self._referrers.get(user)

    # Account modes: only the standard one is served.

    def set_mode(self, user: str, mode: str) -> None:
        """Take `disabled`, the standard mode. Raises ActionRefused for others: they are not served here."""
        mode = MODES.get(mode, mode)
        if mode != "disabled":
            raise ActionRefused(f"{mode[:40]} is not served by the local exchange: accounts are in standard mode")
        self._modes[user] = mode

    def mode(self, user: str) -> str:
        """Answer to `userAbstraction`."""
        return self._modes.get(user, "default")
