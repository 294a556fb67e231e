"""The two methods, by captum: Grad-CAM on a stage's output, integrated gradients on the pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

GRAD_CAM = "grad-cam"
INTEGRATED_GRADIENTS = "integrated-gradients"
METHODS = (GRAD_CAM, INTEGRATED_GRADIENTS)
AUTO = "auto"

STEPS = 32
"""Points on the way from the grey image to the image; the paper finds 20 to 300 enough."""

AT_ONCE = 8
"""Images in a batch on that way, so that a large network's memory stays small."""

BLUR = 1 / 48
"""Standard deviation of the blur of a pixel map as a share of its side: single pixels cannot be seen."""

BRIGHTEST = 0.99
"""Quantile of a pixel map that is shown as its brightest: a few pixels exceed all others by far."""

Map = NDArray[np.float32]


def grad_cam(model: nn.Module, image: Tensor, target: int, *, layer: str) -> Map:
    """Return h x w, in [0, 1]: where ``layer`` speaks for the class ``target`` of ``image``, 1 x 3 x side x side.

    ReLU of the channels' sum, each weighted with the mean of its gradient (Selvaraju et al., "Grad-CAM", ICCV
    2017, equations 1 and 2), divided by its maximum; all zeros where nothing speaks for the class.
    """
    from captum.attr import LayerGradCam

    found = LayerGradCam(model, model.get_submodule(layer)).attribute(
        image, target=target, relu_attributions=True
    )
    return _scaled(found.detach().float().cpu().numpy()[0, 0], brightest=1.0)


def integrated_gradients(model: nn.Module, image: Tensor, target: int) -> Map:
    """Return side x side, in [0, 1]: how much each pixel of ``image``, 1 x 3 x side x side, counts for ``target``.

    The absolute `pixel_shares`, summed over colours, blurred, and divided by their 99th percentile.
    """
    shares = pixel_shares(model, image, target)[0].abs().sum(dim=0).cpu().numpy()
    return _scaled(_blurred(shares), brightest=BRIGHTEST)


def pixel_shares(model: nn.Module, image: Tensor, target: int) -> Tensor:
    """Return 1 x 3 x side x side whose sum is the logit of ``image`` less that of an image in the mean colour.

    Sundararajan et al., "Axiomatic attribution for deep networks", ICML 2017, by Gauss-Legendre quadrature.
    """
    from captum.attr import IntegratedGradients

    found: Tensor = IntegratedGradients(model).attribute(
        image, baselines=0, target=target, n_steps=STEPS, internal_batch_size=AT_ONCE
    )
    return found.detach().float()


def _blurred(shares: Map) -> Map:
    from scipy.ndimage import gaussian_filter

    blurred: Map = gaussian_filter(shares, sigma=BLUR * max(shares.shape))
    return blurred


def _scaled(values: Map, *, brightest: float) -> Map:
    """Divide by the quantile ``brightest`` (or, where that is 0, the maximum) and cut at 1."""
    values = np.nan_to_num(values, posinf=0.0)
    top = float(np.quantile(values, brightest)) or float(values.max())
    return np.clip(values / top, 0, 1).astype(np.float32) if top > 0 else np.zeros_like(values)
