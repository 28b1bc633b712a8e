"""System files: quantities with units, the schema and the reference for readers and editors, what ships."""
