"""Plant known faults into a copy of a data set, and judge what the health check says of them."""
