"""A bundle as one ONNX file that takes an image's bytes as decoded, and the proof that it answers alike."""
