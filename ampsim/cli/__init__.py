"""The command line: thin commands over :mod:`ampsim.studies`."""
