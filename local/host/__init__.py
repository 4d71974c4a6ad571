"""A stand-in for the Azure Functions host: HTTP, queue and timer triggers of a Python app, in one process."""
