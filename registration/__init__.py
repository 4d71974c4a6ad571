"""The domain: what a registration is, who may ask for it, and how it is carried out. No Azure SDK in sight."""
