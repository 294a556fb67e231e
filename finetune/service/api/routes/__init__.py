"""The addresses, a file for each noun."""
