"""A run's report as one HTML file: pictures are inside, nothing is fetched, no script runs. Texts are escaped."""
