"""Durable jobs: a table of what was asked for, and one supervisor that has it done, a process a job."""
