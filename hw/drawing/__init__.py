"""A system as numbers and as a picture."""
