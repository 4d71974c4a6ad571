"""Wraps the Azure SDKs. It knows Azure and knows nothing of registrations."""
