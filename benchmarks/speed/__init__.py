"""The parts of `benchmarks/speed.py`: the contests, the data, the environments, the runs and the tables."""
