"""What can go wrong with media.

MediaError
├── MediaRefused       a file that is not taken in; `code` says why in one word, the message in a sentence
├── FrameMismatch      the source no longer gives the pictures that its frame index proves
└── ClipFolderError    a clip folder that does not hold what it must
"""


class MediaError(Exception):
    """The root: every message is a sentence that can be shown to a person as it is."""


class MediaRefused(MediaError):
    """A file that is not taken in.

    Args:
        code: one word for programs: empty, truncated, no_video, no_frames, disguised, outsized, corrupt, unsupported,
        slow.
        sentence: what is wrong and what to do.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class FrameMismatch(MediaError):
    """The source no longer gives the pictures that its frame index proves."""


class ClipFolderError(MediaError):
    """A clip folder that does not hold what it must, or was asked for a path outside it."""
