"""The local Azure, against recordings, Microsoft's definitions and the unmodified clients."""
