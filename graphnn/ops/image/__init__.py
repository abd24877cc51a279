"""Ops on images: `graphnn.ops.image`, with the names, arguments and results of `keras.ops.image`."""

from __future__ import annotations

from .borders import crop_images, pad_images
from .colors import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from .filters import elastic_transform, gaussian_blur, sobel_edges, ssim
from .patches import extract_patches, extract_patches_3d
from .resizing import resize
from .scaling import scale_and_translate
from .transforms import affine_transform, map_coordinates, perspective_transform

__all__ = [
    "affine_transform", "crop_images", "elastic_transform", "extract_patches", "extract_patches_3d", "gaussian_blur", "hsv_to_rgb",
    "map_coordinates", "pad_images", "perspective_transform", "resize", "rgb_to_grayscale", "rgb_to_hsv", "scale_and_translate",
    "sobel_edges", "ssim",
]  # fmt: skip
