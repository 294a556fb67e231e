"""Many trainings, one after the other and unattended: jobs in, a table out, and a second call goes on."""
