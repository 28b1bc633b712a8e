"""Messages on shared links, alone and inside SimPy."""
