"""The page's pieces: what is on disk as HTML and SVG. Pure; every text that comes from outside is escaped."""
