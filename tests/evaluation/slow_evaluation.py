"""Evaluation in plain NumPy loops, as the papers tell it: what the fast one must agree with."""

import numpy as np


def softmax(row):
    exponentials = np.exp(np.float64(row) - np.max(row))
    return exponentials / exponentials.sum()


def resize_axis(pixels, length):
    """Resizes the first axis with the triangle filter, made wider where it shrinks."""
    before = len(pixels)
    made = np.zeros((length, *pixels.shape[1:]))
    reach = max(before / length, 1.0)
    for i in range(length):
        center = (i + 0.5) * before / length
        weights = [max(0.0, 1 - abs(j + 0.5 - center) / reach) for j in range(before)]
        for j, weight in enumerate(weights):
            if weight:
                made[i] += weight * pixels[j]
        made[i] /= sum(weights)
    return made


def resize(pixels, height, width):
    if pixels.shape[:2] == (height, width):
        return np.float64(pixels)
    made = resize_axis(np.float64(pixels), height)
    made = resize_axis(made.transpose(1, 0, 2), width).transpose(1, 0, 2)
    return np.clip(np.round(made), 0, 255)


def short_side(pixels, side):
    """The picture with its short side resized to `side`."""
    height, width = pixels.shape[:2]
    if height <= width:
        return resize(pixels, side, max(side, round(width * side / height)))
    return resize(pixels, max(side, round(height * side / width)), side)


def center_crop(pixels, n):
    top, left = (pixels.shape[0] - n) // 2, (pixels.shape[1] - n) // 2
    return pixels[top : top + n, left : left + n]


def corners_and_center(pixels, n):
    h, w = pixels.shape[:2]
    return [
        pixels[:n, :n],
        pixels[:n, w - n :],
        pixels[h - n :, :n],
        pixels[h - n :, w - n :],
        center_crop(pixels, n),
    ]


def ten_crops(pixels, n, side):
    """AlexNet, section 4.1: corners and center of the central square, and their reflections."""
    square = center_crop(short_side(pixels, side), side)
    crops = corners_and_center(square, n)
    return crops + [np.fliplr(crop) for crop in crops]


def crops_144(pixels, n, sides):
    """GoogLeNet, section 7: 4 scales x 3 squares x 6 crops x 2 reflections."""
    found = []
    for side in sides:
        image = short_side(pixels, side)
        h, w = image.shape[:2]
        if w >= h:
            squares = [image[:, :h], image[:, (w - h) // 2 : (w - h) // 2 + h], image[:, w - h :]]
        else:
            squares = [image[:w], image[(h - w) // 2 : (h - w) // 2 + w], image[h - w :]]
        for square in squares:
            for crop in [*corners_and_center(square, n), resize(square, n, n)]:
                found += [crop, np.fliplr(crop)]
    return found


def averaged(network, crops):
    """The average of the probabilities that a network, crop -> logits, gives for crops."""
    return np.mean([softmax(network(crop)) for crop in crops], axis=0)


def slid(network, pixels, n, stride):
    """The logits of every n x n window at a stride, averaged: what sliding it must give."""
    h, w = pixels.shape[:2]
    found = [
        network(pixels[top : top + n, left : left + n])
        for top in range(0, h - n + 1, stride)
        for left in range(0, w - n + 1, stride)
    ]
    return np.mean(found, axis=0)


def calibration_error(probabilities, labels, bins):
    total = 0.0
    for b in range(bins):
        inside = [
            (row.max(), row.argmax() == label)
            for row, label in zip(probabilities, labels, strict=True)
            if b / bins < row.max() <= (b + 1) / bins
        ]
        if inside:
            confidence = np.mean([c for c, _ in inside])
            right = np.mean([r for _, r in inside])
            total += len(inside) / len(labels) * abs(confidence - right)
    return total
