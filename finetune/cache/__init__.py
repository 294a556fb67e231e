"""What frozen layers gave, kept on disk: equally shaped arrays by the content of the image they came from."""
