"""Azure Machine Learning: assets to SDK entities and back, reading a workspace, writing to it."""
