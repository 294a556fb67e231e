"""Run the command line with ``python -m finetune``."""

from finetune.cli import main

main()
