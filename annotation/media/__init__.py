"""Video and pictures on disk: probing, the frame index, decoding, stills and the clip folder. Nothing of Django."""
