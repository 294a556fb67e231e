"""What a trained model is worth: metrics with intervals, pictures, and the report."""
