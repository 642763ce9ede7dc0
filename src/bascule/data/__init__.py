"""The data tower: one for each node; acts on its ledger, never on a connection."""
