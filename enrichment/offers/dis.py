"""DIS flow: no weights."""

from enrichment.engine import LayerEngine, register
from enrichment.engines.dis_flow import DisFlow, DisPairs, Parameters

register(
    LayerEngine(
        layer="flow",
        name=DisFlow.name,
        title="DIS, no weights",
        make="enrichment.engines.dis_flow:DisPairs",
        version=DisPairs.version,
        Parameters=Parameters,
    )
)
