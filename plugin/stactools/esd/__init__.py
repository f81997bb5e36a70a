"""stactools plugin."""
