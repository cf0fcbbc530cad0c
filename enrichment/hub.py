"""The Hugging Face hub by its own client; the only place that speaks to it."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

from enrichment.errors import EngineMissing

# Errors of this machine's disk, which no better connection mends.
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG}


class HuggingFace:
    """See `fetching.Source`."""

    def look(self, hub_id: str, revision: str) -> tuple[str, Sequence[str]]:
        """See `Source.look`."""
        try:
            found = HfApi().model_info(hub_id, revision=revision or None)
        except GatedRepoError as error:
            raise EngineMissing(
                f"{hub_id} is gated: agree to its licence on https://huggingface.co/{hub_id}, then `hf auth login`."
            ) from error
        except (RepositoryNotFoundError, RevisionNotFoundError) as error:
            raise EngineMissing(f"The hub has no {hub_id}{' at ' + revision if revision else ''}.") from error
        except (HTTPError, OSError) as error:
            raise EngineMissing(_unreachable(hub_id)) from error
        return str(found.sha), [each.rfilename for each in found.siblings or ()]

    def download(self, hub_id: str, commit: str, folder: Path, files: Sequence[str]) -> None:
        """See `Source.download`."""
        try:
            snapshot_download(hub_id, revision=commit, local_dir=folder, allow_patterns=list(files))
        except (HTTPError, OSError) as error:
            if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
                raise
            raise EngineMissing(_unreachable(hub_id)) from error


def _unreachable(hub_id: str) -> str:
    return (
        f"The hub did not give {hub_id}. Without internet, fetch it on another machine and lay the folder below "
        "LOUPE_WEIGHTS; what was loaded so far is kept for the next try."
    )
