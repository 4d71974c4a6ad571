"""Azure on your machine: an ARM, a Key Vault, tokens, Easy Auth's front, and a stand-in for the Functions host.

Loopback only, and never imported by production code.
"""
