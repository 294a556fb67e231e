"""What an attacker tries on a running server, a file for each place: web, archives, files, load, inside."""
