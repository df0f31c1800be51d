"""The account's books against the broker's: shares, cash, fills, sales of the owner."""
