"""From inputs to documents through IDs: decoding over the IDs that exist."""
