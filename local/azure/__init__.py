"""Azure on this machine, as one process: Resource Manager, Key Vault, Entra's tokens, Easy Auth's door."""
