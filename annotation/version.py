"""The version that annotations, manifests and deliveries name."""

TOOL_VERSION = "0.1.0"
