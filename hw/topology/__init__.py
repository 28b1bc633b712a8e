"""Vertices, links and the ways between them."""
