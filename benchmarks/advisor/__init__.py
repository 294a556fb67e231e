"""The advisor's proving ground: data sets, a grid of trained strategies, and a replay of advisors over it."""
