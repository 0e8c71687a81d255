"""Metrics: plain functions of features or images. Nothing here knows that models exist.

score           one number with its floor, ceiling, sample size and seed
fidelity        Fréchet distance, kernel distance, classifier score
diversity       precision and recall, density and coverage
recognisable    is a sample a sure member of a class, and near real members of it?
distortion      PSNR, SSIM and multi-scale SSIM of pairs of images
"""
