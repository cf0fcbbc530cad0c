"""Everything that can go wrong in enrichment.

EnrichmentError
├── EngineInputError   an engine was given something that it cannot work on
├── UnknownLayer       no layer of that name is registered; names those that are
├── DuplicateLayer     two files register the same layer
├── CircularLayers     layers that wait for each other
├── UnknownCarrier     nothing of that name carries masks; names what does
├── DuplicateCarrier   two files register the same carrier
├── UnknownPrompter    a prompt engine, its weights or its packages are not on this machine
├── ServiceFailed      a service over the network refuses, or has not answered at any attempt
├── CallsSpent         as many calls of paid services as the project allows have been made
├── EngineMissing      an engine of a layer, its weights, packages or keys are not on this machine
├── AnswerForgotten    a correction names a mask that this process no longer has
├── VersionGone        an older version of a layer is not kept any more
├── MissingPiece       what an earlier batch had written is no longer there
├── BatchLost          another worker has taken the batch over, or it is no longer wanted
├── MoreToDo           a job has gone on for long enough; the next one does the rest
├── CannotJudge        what a check compares work with says nothing here; the sentence says why
├── RunRefused         a request for a run that cannot be carried out; the sentence says what to change
├── CorrectionRefused  a correction of machines' work that cannot be made; the sentence says why
├── QueryRefused       a question about the metadata that is not answered; the sentence says why
└── AddressRefused     a webhook's address that this server must not or cannot call

Engines raise from here too, so this file imports nothing.
"""

from __future__ import annotations


class EnrichmentError(Exception):
    """Root of what enrichment raises on purpose; the text is a sentence for a person."""


class EngineInputError(EnrichmentError, ValueError):
    """An engine or a check was given something that it cannot work on."""


class CannotJudge(EnrichmentError):
    """A check has nothing to hold work against, which is neither a failure nor a clean bill."""


class RunRefused(EnrichmentError):
    """A request that cannot be carried out as it stands; `status` and `code` are the API's answer."""

    status = 422
    code = "refused"


class UnknownLayer(RunRefused):
    """No layer of that name is registered."""


class DuplicateLayer(EnrichmentError):
    """Two files register the same layer."""


class UnknownCarrier(RunRefused):
    """Nothing of that name carries masks."""


class DuplicateCarrier(EnrichmentError):
    """Two files register the same carrier."""


class UnknownPrompter(RunRefused):
    """A prompt engine, its weights or its packages are not on this machine."""


class EngineMissing(RunRefused):
    """An engine of a layer, its weights, packages or keys are not on this machine."""


class ServiceFailed(EnrichmentError):
    """A service over the network refuses, or has not answered at any attempt."""


class CallsSpent(RunRefused):
    """As many calls of paid services, or as many dollars, as the project allows have been spent."""


class AnswerForgotten(RunRefused):
    """A correction names a mask that this process no longer has; the client sends it along."""

    status = 409
    code = "answer_forgotten"


class CorrectionRefused(RunRefused):
    """A correction of what machines made that cannot be made."""


class QueryRefused(RunRefused):
    """A question about the metadata that is not answered."""


class AddressRefused(RunRefused):
    """A webhook's address that this server must not or cannot call."""


class CircularLayers(EnrichmentError):
    """Layers that wait for each other."""


class VersionGone(RunRefused):
    """An older version of a layer that is not kept any more."""


class MissingPiece(EnrichmentError):
    """What an earlier batch had written is no longer there."""


class BatchLost(EnrichmentError):
    """Another worker has taken the batch over, or nobody wants it any more."""


class MoreToDo(EnrichmentError):
    """A job has gone on for long enough, and has left what the next one needs to do the rest."""
