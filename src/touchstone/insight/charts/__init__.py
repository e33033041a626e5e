"""Pictures as inline SVG: drawing functions that take numbers and give text, with no style of their own but classes.

Colours come from CSS variables (`style.CSS`), so that one picture serves light, dark and print. Every picture has a
title for those who cannot see it, labelled axes with units, and shows nothing where there is no number.
"""
