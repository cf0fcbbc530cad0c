"""See the map in README."""

from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "delivery"
