"""Demo accounts. Their keys follow from fixed words and are public: never use them anywhere but on a loopback."""

from touchstone.venues.hyperliquid.signing import Signer, keccak256


def demo_key(number: int) -> str:
    """Private key of demo account `number` (from 1)."""
    return "0x" + keccak256(f"touchstone demo account {number}".encode()).hex()


def demo_address(number: int) -> str:
    """Address of demo account `number` (from 1)."""
    return Signer(demo_key(number), is_mainnet=False).address
