"""What callers are told: of operations, plans, registrations, workspaces and assets, each what they may see."""
