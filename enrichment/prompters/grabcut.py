"""GrabCut and regions: no weights."""

from enrichment.prompting.registry import PromptEngine, register

register(PromptEngine("grabcut", "GrabCut, no weights", "enrichment.engines.grabcut_prompts:GrabcutPrompter"))
