"""Capture-recapture and multiple systems estimation of a closed population."""
