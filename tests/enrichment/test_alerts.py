"""An alert reaches people by mail and by webhook, once, and no address within the server's own network is called."""

from __future__ import annotations

import http.server
import json
import smtplib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from pytest_django import Settings

from annotation.models import Project
from config import celery_app
from enrichment import alerts, jobs, outgoing
from enrichment.errors import AddressRefused
from enrichment.models import Alert, Notice, Webhook

pytestmark = pytest.mark.django_db


class Hook(http.server.BaseHTTPRequestHandler):
    """A real server that keeps what it was sent and answers with the next of `answers`."""

    answers: list[int]
    came: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.came.append((dict(self.headers), body))
        self.send_response(self.answers.pop(0) if self.answers else 204)
        if self.path == "/moved":
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def hook(settings: Settings) -> Iterator[tuple[str, type[Hook]]]:
    settings.HOOK_HOSTS = ["127.0.0.1"]
    kind = type("OneHook", (Hook,), {"answers": [], "came": []})
    server = http.server.HTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", kind
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port at which somebody listens who never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


@pytest.fixture
def alert(project: Project) -> Alert:
    return Alert.objects.create(project=project, kind=Alert.Kind.ERRORS, about="flow", sentence="Much of it fails.")


class TestTelling:
    def test_leads_and_managers_get_one_e_mail(self, alert: Alert, alice: User, dana: User, bob: User) -> None:
        for person in (alice, dana, bob):
            person.email = f"{person.username}@example.org"
            person.save()
        alerts.tell()
        alerts.tell()
        assert [message.to for message in mail.outbox] == [["alice@example.org", "dana@example.org"]]
        assert mail.outbox[0].body == "Much of it fails."

    def test_a_mail_server_that_is_away_loses_no_mail(
        self, alert: Alert, dana: User, settings: Settings, free_port: int
    ) -> None:
        dana.email = "dana@example.org"
        dana.save()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port
        alerts.tell()
        alerts.tell()
        alert.refresh_from_db()
        assert (alert.mail_attempts, alert.mailed_at) == (1, None), "the next attempt waits"
        for _ in range(8):
            Alert.objects.update(mail_not_before=None)
            alerts.tell()
        alert.refresh_from_db()
        assert (alert.mail_attempts, alert.mailed_at) == (alerts.MOST_ATTEMPTS, None)
        Alert.objects.update(mail_not_before=None, mail_attempts=1)
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        alerts.tell()
        alerts.tell()
        assert [message.to for message in mail.outbox] == [["dana@example.org"]]

    def test_a_mail_server_that_never_answers_holds_nobody_up(
        self, alert: Alert, dana: User, settings: Settings, silent_port: int
    ) -> None:
        assert configured.EMAIL_TIMEOUT <= 10
        dana.email = "dana@example.org"
        dana.save()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", silent_port, 1
        for number in range(5):
            Alert.objects.create(project=alert.project, kind=alert.kind, about=f"layer {number}", sentence="It fails.")
        began = time.monotonic()
        jobs.watch()
        assert not Alert.objects.filter(mail_attempts__gt=0).exists(), "alerts are sent by another job"
        jobs.tell()
        assert time.monotonic() - began < 3, "the others wait for the next time"
        assert sorted(Alert.objects.values_list("mail_attempts", flat=True)) == [0, 0, 0, 0, 0, 1]
        for job, serving in (("watch", "control"), ("tell", "files")):
            assert celery_app.amqp.router.route({}, f"enrichment.jobs.{job}")["queue"].name == serving
            assert f"enrichment.jobs.{job}" in configured.CELERY_BEAT_SCHEDULE

    def test_one_address_that_the_mail_server_refuses_keeps_no_mail_from_others(
        self, alert: Alert, dana: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dana.email = "dana@example.org"
        dana.save()
        Alert.objects.create(project=alert.project, kind=alert.kind, about="pose", sentence="Pose fails.")
        usual = alerts.send_mail

        def choosy(subject: str, text: str, *more: Any) -> int:
            if text == alert.sentence:
                raise smtplib.SMTPRecipientsRefused({"dana@example.org": (550, b"no")})
            return usual(subject, text, *more)

        monkeypatch.setattr(alerts, "send_mail", choosy)
        alerts.tell()
        assert [message.body for message in mail.outbox] == ["Pose fails."]

    def test_many_addresses_that_keep_it_waiting_have_their_turn_the_next_time(
        self, alert: Alert, alice: User, hook: tuple[str, type[Hook]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url, server = hook
        for number in range(3):
            alerts.add_webhook(project=alert.project, url=f"{url}/{number}", by=alice)
        monkeypatch.setattr(alerts, "SECONDS", -1.0)
        alerts.tell()
        assert not server.came
        monkeypatch.setattr(alerts, "SECONDS", 60.0)
        alerts.tell()
        assert len(server.came) == 3

    def test_a_webhook_gets_the_alert_signed_once(
        self, alert: Alert, alice: User, hook: tuple[str, type[Hook]]
    ) -> None:
        url, server = hook
        made = alerts.add_webhook(project=alert.project, url=f"{url}/loupe?team=a", by=alice)
        alerts.tell()
        alerts.tell()
        ((headers, body),) = server.came
        assert json.loads(body)["sentence"] == "Much of it fails."
        assert headers["X-Loupe-Signature"] == alerts.signature(made.secret, body)
        assert Notice.objects.get().arrived_at is not None

    def test_what_does_not_arrive_is_tried_again_and_then_given_up(
        self, alert: Alert, alice: User, hook: tuple[str, type[Hook]]
    ) -> None:
        url, server = hook
        server.answers += [500] * 10
        alerts.add_webhook(project=alert.project, url=url, by=alice)
        for _ in range(8):
            alerts.tell()
            Notice.objects.update(not_before=None)
        assert len(server.came) == alerts.MOST_ATTEMPTS
        assert Notice.objects.get().error == "It answered 500."

    def test_a_redirect_is_not_followed(self, alert: Alert, alice: User, hook: tuple[str, type[Hook]]) -> None:
        url, server = hook
        server.answers += [302]
        alerts.add_webhook(project=alert.project, url=f"{url}/moved", by=alice)
        alerts.tell()
        assert Notice.objects.get().error == "It answered 302."

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1/",
            "http://localhost:8000/admin",
            "http://[::1]/",
            "http://10.0.0.7/",
            "http://169.254.169.254/latest/meta-data/",
            "http://0.0.0.0/",
            "http://[::ffff:127.0.0.1]/",
            "ftp://example.org/",
            "file:///etc/passwd",
            "http://user:secret@example.org/",
            "http://example.org:99999/",
            "nonsense",
        ],
    )
    def test_addresses_within_the_servers_own_network_are_refused(
        self, url: str, project: Project, alice: User
    ) -> None:
        with pytest.raises(AddressRefused):
            alerts.add_webhook(project=project, url=url, by=alice)
        assert not Webhook.objects.exists()

    def test_an_address_that_turned_private_later_is_not_called(
        self, alert: Alert, alice: User, hook: tuple[str, type[Hook]], settings: Settings
    ) -> None:
        url, server = hook
        alerts.add_webhook(project=alert.project, url=url, by=alice)
        settings.HOOK_HOSTS = []
        alerts.tell()
        assert not server.came
        assert "private network" in Notice.objects.get().error

    def test_an_allowed_host_may_be_private(self, settings: Settings) -> None:
        settings.HOOK_HOSTS = ["localhost"]
        assert outgoing.checked("http://localhost:9000/x")[1:3] == ("localhost", 9000)

    def test_a_manager_adds_and_removes_an_address(
        self, project: Project, alice: User, hook: tuple[str, type[Hook]]
    ) -> None:
        browser = Client()
        browser.force_login(alice)
        place = f"/projects/{project.slug}/runs/health/webhook/"
        browser.post(place, {"url": hook[0]})
        assert hook[0] in browser.get(f"/projects/{project.slug}/runs/health/").content.decode()
        browser.post(place, {"remove": Webhook.objects.get().pk})
        assert not Webhook.objects.exists()
