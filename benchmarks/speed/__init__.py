"""Speed: medians and ratios from one run, checked against the plain answer."""
