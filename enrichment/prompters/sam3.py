"""SAM 3 on single pictures, with the weights that lie in LOUPE_WEIGHTS."""

from enrichment.engines.checkpoints import of_kind
from enrichment.prompting.registry import PromptEngine, register

register(
    PromptEngine(
        "sam3",
        "SAM 3, a box as an example",
        "enrichment.engines.sam3_prompts:Sam3Prompter",
        of_kind("sam3", "sam3_video"),
        takes_examples=True,
    )
)
