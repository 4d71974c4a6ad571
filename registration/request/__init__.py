"""From the bytes of a request to a valid registration, every fault at once."""
