"""What only the real venue can answer, asked with a user's own testnet key."""
