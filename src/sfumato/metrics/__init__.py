"""Metrics: plain functions of features or images. Nothing here knows that models exist.

score           one number with its floor, ceiling, sample size and seed
fidelity        Fréchet distance, kernel distance, classifier score
diversity       precision and recall, density and coverage
recognisable    is a sample a sure member of a class, and near real members of it?
neighbours      distances to the nearest, a part at a time
distortion      PSNR, SSIM and multi-scale SSIM of pairs of images
perceptual      LPIPS, or the embedded network's distance
sharpness       mean squared Laplacian; how evenly a way through the codes changes pictures
pairs, linear   translations beside copy, mean image and ridge regression
parts           which part each pixel shows: the FCN score of facades
accuracy        accuracy, error, calibration, a report by class
clusters        confusion, and groups matched to classes
attributes      whether attributes are as asked, by a tagger
readable        whether a class can be read off a code
retrieval       mean average precision
strokes         slant, thickness and breadth of handwriting
rates           bits per pixel against likeness, for codecs
"""
