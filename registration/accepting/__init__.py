"""From a request that changes something to an accepted operation."""
