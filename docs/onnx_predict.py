"""Name the class of images by an exported file alone: python onnx_predict.py model.onnx IMAGE..."""

import json
import sys
import warnings

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")  # no decoder that starts other programs
warnings.simplefilter("error", Image.DecompressionBombWarning)
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
names = json.loads(session.get_modelmeta().custom_metadata_map["class_names"])
for path in sys.argv[2:]:
    try:
        with Image.open(path, formats=FORMATS) as stored:
            image = ImageOps.exif_transpose(stored)
    except Exception as error:  # noqa: BLE001 - damaged files raise anything
        print(f"{path}\t\t\t{error}")
        continue
    if image.mode.startswith("I"):  # grey with 16 bits
        image = Image.fromarray(((np.asarray(image).astype(np.uint32) + 128) // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    (probabilities,) = session.run(["probabilities"], {"images": np.asarray(image.convert("RGB"))[None]})[0]
    print(f"{path}\t{names[probabilities.argmax()]}\t{probabilities.max():.6f}")
