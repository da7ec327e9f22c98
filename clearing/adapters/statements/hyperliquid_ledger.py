"""Hyperliquid's ledger of one user as JSON: deposits, withdrawals, transfers, vaults, rewards.

A record says by its type what happened, and its amounts are not signed: whether a transfer came in
or went out depends on whose page it is, which the page does not say. Those are refused unless the
option ``user`` says it. A user has one wallet for perpetuals, one for spot and one for each market
operator's perpetuals; a transfer between them cancels out, unless ``wallet`` asks for one alone.

Source: Hyperliquid API, ``info`` request ``userNonFundingLedgerUpdates``.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from clearing.adapters.base import Setting, settle
from clearing.adapters.fields import FieldRefused, choice_field, name_field
from clearing.adapters.hyperliquid_node import SETTLEMENT
from clearing.adapters.json_pages import Record, text_of
from clearing.adapters.statements.base import (
    Balances,
    Beginning,
    CashLeg,
    Item,
    MovementKind,
    StatementLine,
)
from clearing.adapters.statements.hyperliquid import (
    USER,
    delta_of,
    hash_of,
    user_of,
)
from clearing.adapters.statements.pages import flag, is_page, needed, page_items
from clearing.adapters.statements.values import amount_field, millisecond_field, negated, unsigned

_ALL: Final = "all"
_PERP: Final = "perp"
_SPOT: Final = "spot"


class _Move(NamedTuple):
    """What a record did to a wallet of the user: a positive amount came in."""

    wallet: str
    asset: str
    kind: MovementKind
    amount: Decimal


_Moves = list[_Move]


_WITHIN: Final = "delta."


class _Delta:
    """A record's delta: its fields as checked values."""

    def __init__(self, fields: Mapping[str, Any], user: str) -> None:
        self.fields = fields
        self.user = user

    def amount(self, name: str) -> Decimal:
        """Return an amount, which must not be negative: the type has the direction."""
        value = needed(self.fields, name, _WITHIN)
        number = amount_field(f"delta.{name}", value)
        return unsigned(f"delta.{name}", value, number, "the type has the direction")

    def signed(self, name: str, *, came_in: bool) -> Decimal:
        """Return an amount, negative where it did not come in."""
        return self.amount(name) if came_in else negated(self.amount(name))

    def optional(self, name: str) -> Decimal:
        """Return an amount, zero where it is not told."""
        return self.amount(name) if text_of(self.fields, name) else Decimal(0)

    def asset(self, name: str = "token") -> str:
        """Return an asset, the cash of perpetuals where none is told."""
        return name_field(f"delta.{name}", text_of(self.fields, name) or SETTLEMENT)

    def flag(self, name: str) -> bool:
        """Return a field that must be true or false."""
        return flag(self.fields, name, _WITHIN)

    def is_user(self, name: str) -> bool:
        """Return whether an address of the record is the user's."""
        if not self.user:
            address = text_of(self.fields, name)
            reason = "whether it is the page's user is not known; give the option user"
            raise FieldRefused(f"delta.{name}", address, reason)
        return needed(self.fields, name, _WITHIN).lower() == self.user


def _deposit(delta: _Delta) -> _Moves:
    return [_Move(_PERP, SETTLEMENT, "deposit", delta.amount("usdc"))]


def _withdraw(delta: _Delta) -> _Moves:
    """What arrives elsewhere, and the fee on top."""
    moves = [_Move(_PERP, SETTLEMENT, "withdrawal", negated(delta.amount("usdc")))]
    return moves + _fee(_PERP, SETTLEMENT, delta.optional("fee"))


def _class_transfer(delta: _Delta) -> _Moves:
    """Between the wallets of one user."""
    amount = delta.signed("usdc", came_in=delta.flag("toPerp"))
    return [
        _Move(_PERP, SETTLEMENT, "transfer", amount),
        _Move(_SPOT, SETTLEMENT, "transfer", negated(amount)),
    ]


def _internal_transfer(delta: _Delta) -> _Moves:
    """To another user's perpetuals; the sender pays the fee on top."""
    moves = _between(delta, SETTLEMENT, delta.amount("usdc"), _PERP, _PERP)
    return moves + (_fee(_PERP, SETTLEMENT, delta.optional("fee")) if delta.is_user("user") else [])


def _sub_account_transfer(delta: _Delta) -> _Moves:
    return _between(delta, SETTLEMENT, delta.amount("usdc"), _PERP, _PERP)


def _spot_transfer(delta: _Delta) -> _Moves:
    return _token_transfer(delta, _SPOT, _SPOT)


def _send(delta: _Delta) -> _Moves:
    """From any wallet to any: the empty name is the venue's own perpetuals."""
    source = text_of(delta.fields, "sourceDex") or _PERP
    return _token_transfer(delta, source, text_of(delta.fields, "destinationDex") or _PERP)


def _token_transfer(delta: _Delta, source: str, destination: str) -> _Moves:
    """Fees are the sender's: one in a token that is named, one in the token sent."""
    asset = delta.asset()
    moves = _between(delta, asset, delta.amount("amount"), source, destination)
    if not delta.is_user("user"):
        return moves
    moves += _fee(source, delta.asset("feeToken"), delta.optional("fee"))
    return moves + _fee(source, asset, delta.optional("nativeTokenFee"))


def _between(delta: _Delta, asset: str, amount: Decimal, source: str, destination: str) -> _Moves:
    sent, received = delta.is_user("user"), delta.is_user("destination")
    if not (sent or received):
        address = text_of(delta.fields, "user")
        raise FieldRefused("delta.user", address, "neither it nor the destination is the user")
    moves = [_Move(source, asset, "transfer", negated(amount))] if sent else []
    return moves + ([_Move(destination, asset, "transfer", amount)] if received else [])


def _fee(wallet: str, asset: str, amount: Decimal) -> _Moves:
    return [_Move(wallet, asset, "fee", negated(amount))] if amount else []


def _vault_deposit(delta: _Delta) -> _Moves:
    """Out of the user's wallet, or into it where the user is the vault."""
    amount = delta.signed("usdc", came_in=delta.is_user("vault"))
    return [_Move(_PERP, SETTLEMENT, "transfer", amount)]


def _vault_create(delta: _Delta) -> _Moves:
    fee = [] if delta.is_user("vault") else _fee(_PERP, SETTLEMENT, delta.optional("fee"))
    return _vault_deposit(delta) + fee


def _vault_distribution(delta: _Delta) -> _Moves:
    return [move._replace(amount=negated(move.amount)) for move in _vault_deposit(delta)]


def _vault_withdraw(delta: _Delta) -> _Moves:
    """What the depositor got; what left the vault is not told."""
    if not delta.is_user("user"):
        address = text_of(delta.fields, "user")
        reason = "is not the user, and what left the vault is not told; read the depositor's page"
        raise FieldRefused("delta.user", address, reason)
    return [_Move(_PERP, SETTLEMENT, "transfer", delta.amount("netWithdrawnUsd"))]


def _commission(delta: _Delta) -> _Moves:
    return [_Move(_PERP, SETTLEMENT, "other", delta.amount("usdc"))]


def _liquidation(_: _Delta) -> _Moves:
    """No movement of its own: its fills have what it moved."""
    return []


def _rewards(delta: _Delta) -> _Moves:
    asset = delta.asset()
    return [_Move(_PERP if asset == SETTLEMENT else _SPOT, asset, "rebate", delta.amount("amount"))]


def _staking(delta: _Delta) -> _Moves:
    amount = delta.signed("amount", came_in=not delta.flag("isDeposit"))
    return [_Move(_SPOT, delta.asset(), "transfer", amount)]


def _gas(delta: _Delta) -> _Moves:
    return [_Move(_SPOT, delta.asset(), "fee", negated(delta.amount("amount")))]


def _genesis(delta: _Delta) -> _Moves:
    """A token's first holders: the amount is signed."""
    amount = amount_field("delta.amount", needed(delta.fields, "amount", _WITHIN))
    return [_Move(_SPOT, delta.asset(), "other", amount)]


_TYPES: Final[Mapping[str, Callable[[_Delta], _Moves]]] = {
    "deposit": _deposit,
    "withdraw": _withdraw,
    "accountClassTransfer": _class_transfer,
    "internalTransfer": _internal_transfer,
    "subAccountTransfer": _sub_account_transfer,
    "spotTransfer": _spot_transfer,
    "send": _send,
    "vaultCreate": _vault_create,
    "vaultDeposit": _vault_deposit,
    "vaultWithdraw": _vault_withdraw,
    "vaultDistribution": _vault_distribution,
    "vaultLeaderCommission": _commission,
    "liquidation": _liquidation,
    "rewardsClaim": _rewards,
    "cStakingTransfer": _staking,
    "deployGasAuction": _gas,
    "accountActivationGas": _gas,
    "spotGenesis": _genesis,
}


class HyperliquidLedger:
    """The statement format ``hyperliquid-ledger``."""

    name: Final = "hyperliquid-ledger"
    summary: Final = (
        "Hyperliquid ledger of a user but funding (JSON of userNonFundingLedgerUpdates)"
    )
    venue: Final = "hyperliquid"
    columns: Final[Mapping[str, str]] = {
        "time": "the moment",
        "hash": "the native id, where it is not zero",
        "delta.type": "the kind and the direction",
        "delta.usdc": "the movement of USDC",
        "delta.amount": "the movement of the token",
        "delta.token": "the asset; USDC where there is none",
        "delta.fee": "a fee on top, paid by the sender",
        "delta.feeToken": "the asset of the fee; USDC where there is none",
        "delta.nativeTokenFee": "a fee on top in the token sent, paid by the sender",
        "delta.toPerp": "the direction between the user's wallets",
        "delta.isDeposit": "the direction between spot and staking",
        "delta.user": "the sender; of vaultWithdraw the depositor",
        "delta.destination": "the receiver",
        "delta.sourceDex": "the wallets",
        "delta.destinationDex": "the wallets",
        "delta.vault": "the vault: money goes in unless it is the user",
        "delta.netWithdrawnUsd": "the movement of a withdrawal from a vault",
        "delta.requestedUsd": "ignored: what led to the net amount withdrawn",
        "delta.commission": "ignored: what led to the net amount withdrawn",
        "delta.closingCost": "ignored: what led to the net amount withdrawn",
        "delta.basis": "ignored: what led to the net amount withdrawn",
        "delta.usdcValue": "ignored: the venue's valuation of the token",
        "delta.nonce": "ignored: the sender's counter",
        "delta.liquidatedNtlPos": "ignored: of a liquidation, whose fills have the movement",
        "delta.accountValue": "ignored: of a liquidation, whose fills have the movement",
        "delta.leverageType": "ignored: of a liquidation, whose fills have the movement",
        "delta.liquidatedPositions": "ignored: as the notional that was liquidated",
    }
    balances: Final[Balances] = "none"
    # Its fees and rebates are those of transfers and rewards: the trades' are not in it.
    kinds: Final[frozenset[MovementKind] | None] = frozenset({"deposit", "withdrawal", "transfer"})
    fills: Final = False
    page_limits: Final = frozenset({500, 2_000})
    settings: Final[Mapping[str, Setting]] = {
        **USER,
        "wallet": Setting(
            _ALL, (), "whose movements: all, perp, spot, or the name of an operator's perpetuals"
        ),
    }

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether a JSON page has the fields of this format and not those of funding."""
        return is_page(beginning, "delta", "hash", "time", "type") and not is_page(
            beginning, "fundingRate"
        )

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield the lines in the page's order."""
        settled = settle(self.name, self.settings, settings)
        user = user_of(self.name, settled)
        return page_items(path, ("",), lambda _, one: [_line(path, one, user, settled["wallet"])])


def _line(path: str, record: Record, user: str, wallet: str) -> StatementLine:
    delta, as_told = delta_of(record)
    kind = choice_field("delta.type", text_of(delta, "type"), tuple(_TYPES))
    moves = _TYPES[kind](_Delta(delta, user))
    return StatementLine(
        path,
        record.number,
        millisecond_field("time", needed(record.fields, "time")),
        user,
        hash_of(record.fields),
        "",
        tuple(
            CashLeg(move.asset, move.kind, move.amount)
            for move in moves
            if wallet in (_ALL, move.wallet)
        ),
        None,
        as_told,
    )


HYPERLIQUID_LEDGER: Final = HyperliquidLedger()
