"""A run's report as one HTML file: pictures as SVG or inside, no script, nothing fetched. Pure; all text is escaped."""
