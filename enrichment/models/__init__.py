from enrichment.models.api_call import ApiCall
from enrichment.models.comparison import Comparison
from enrichment.models.correction import PoseCorrection
from enrichment.models.golden import GoldenClip, GoldenResult
from enrichment.models.ledger import Batch, LayerRun, LayerSetting, Leased, Run, TaskCheck, from_now
from enrichment.models.propagation import PropagatedMask, Propagation
from enrichment.models.quality import ClipQuality
from enrichment.models.survey import Survey
from enrichment.models.watching import Alert, LayerWatch, Notice, Webhook
from enrichment.models.worker import Worker

__all__ = [
    "Alert",
    "ApiCall",
    "Batch",
    "ClipQuality",
    "Comparison",
    "GoldenClip",
    "GoldenResult",
    "LayerRun",
    "LayerSetting",
    "LayerWatch",
    "Leased",
    "Notice",
    "PoseCorrection",
    "PropagatedMask",
    "Propagation",
    "Run",
    "Survey",
    "TaskCheck",
    "Webhook",
    "Worker",
    "from_now",
]
