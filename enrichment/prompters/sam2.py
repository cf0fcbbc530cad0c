"""SAM 2 on single pictures, with the weights that lie in LOUPE_WEIGHTS."""

from enrichment.engines.checkpoints import of_kind
from enrichment.prompting.registry import PromptEngine, register

register(PromptEngine("sam2", "SAM 2", "enrichment.engines.sam2_prompts:Sam2Prompter", of_kind("sam2", "sam2_video")))
