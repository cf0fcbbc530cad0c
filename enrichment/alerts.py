"""Telling people of alerts: by e-mail to leads and managers, and by webhooks. What does not arrive is tried again."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import smtplib
import time

import urllib3
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from annotation import history
from annotation.models import Membership, Project
from enrichment import outgoing
from enrichment.errors import AddressRefused
from enrichment.models import Alert, Notice, Webhook, from_now

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 6
# Seconds before the next attempt: half a minute at first, four times as long each time.
FIRST_WAIT, GROWTH = 30.0, 4
# So long one job is at it before others have their turn: each address that does not answer takes it many seconds.
SECONDS = 60.0


@transaction.atomic
def add_webhook(*, project: Project, url: str, by: User) -> Webhook:
    """Have a project's alerts sent to an address.

    Raises:
        AddressRefused: the server must not call it.
    """
    outgoing.checked(url)
    made, new = Webhook.objects.get_or_create(
        project=project, url=url, defaults={"by": by, "secret": secrets.token_hex(24)}
    )
    if new:
        history.record(project=project, actor=by, verb="create", subject=made, url=url)
    return made


@transaction.atomic
def remove_webhook(*, webhook: Webhook, by: User) -> None:
    """Send nothing there any more."""
    history.record(project=webhook.project, actor=by, verb="remove", subject=webhook, url=webhook.url)
    webhook.delete()


def tell() -> None:
    """Send what was not sent yet. Safe to run twice: of two processes one makes an attempt, the other none.

    What there is no time for is sent the next time.
    """
    until = time.monotonic() + SECONDS
    unsent = Alert.objects.filter(mailed_at=None, closed_at=None, mail_attempts__lt=MOST_ATTEMPTS)
    for alert in unsent.select_related("project"):
        for webhook in alert.project.webhooks.all():
            Notice.objects.get_or_create(alert=alert, webhook=webhook)
    for alert in unsent.filter(Q(mail_not_before=None) | Q(mail_not_before__lte=Now())).select_related("project"):
        if not _mail(alert) or time.monotonic() > until:
            break
    waiting = Notice.objects.filter(Q(not_before=None) | Q(not_before__lte=Now()), arrived_at=None)
    for notice in waiting.filter(attempts__lt=MOST_ATTEMPTS).select_related("alert__project", "webhook"):
        if time.monotonic() > until:
            break
        _send(notice)


def signature(secret: str, body: bytes) -> str:
    """What the header X-Loupe-Signature says: HMAC-SHA256 of the body by the webhook's secret, in hex."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _mail(alert: Alert) -> bool:
    """Send one alert to its people; returns False where the mail server is away, for the other alerts too."""
    # Entered before it is made, as with a notice.
    tried = Alert.objects.filter(pk=alert.pk, mail_attempts=alert.mail_attempts, mailed_at=None)
    wait = from_now(FIRST_WAIT * GROWTH**alert.mail_attempts)
    if not tried.update(mail_attempts=alert.mail_attempts + 1, mail_not_before=wait):
        return True
    leads = Membership.objects.filter(
        project=alert.project, role__in=[Membership.Role.QA_LEAD, Membership.Role.MANAGER]
    )
    to = sorted(set(leads.exclude(user__email="").values_list("user__email", flat=True)))
    try:
        if to:
            send_mail(f"[Loupe] {alert.project.name}: {alert.get_kind_display()}", alert.sentence, None, to)
    except OSError as error:
        left = MOST_ATTEMPTS - alert.mail_attempts - 1
        log.exception(
            "An alert of %s could not be sent by e-mail; check EMAIL_URL. It is tried %s.",
            alert.project.slug,
            f"again, {left} more times at most" if left else "no more",
        )
        return isinstance(error, smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused)
    Alert.objects.filter(pk=alert.pk).update(mailed_at=Now())
    return True


def _send(notice: Notice) -> None:
    alert = notice.alert
    said = {
        "event": "alert",
        "id": alert.pk,
        "project": alert.project.slug,
        "kind": alert.kind,
        "about": alert.about,
        "sentence": alert.sentence,
        "opened_at": alert.opened_at.isoformat(),
    }
    body = json.dumps(said).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Loupe",
        "X-Loupe-Signature": signature(notice.webhook.secret, body),
    }
    wait = from_now(FIRST_WAIT * GROWTH**notice.attempts)
    # The attempt is entered before it is made: a process that dies on the way must not call for ever.
    tried = Notice.objects.filter(pk=notice.pk, attempts=notice.attempts, arrived_at=None)
    if not tried.update(attempts=notice.attempts + 1, not_before=wait):
        return
    try:
        status = outgoing.post(notice.webhook.url, body, headers)
        error = "" if 200 <= status < 300 else f"It answered {status}."
    except AddressRefused as refused:
        error = str(refused)
    except urllib3.exceptions.HTTPError as failed:
        error = f"Nobody answered: {type(failed).__name__}."
    if error:
        Notice.objects.filter(pk=notice.pk).update(error=error)
    else:
        Notice.objects.filter(pk=notice.pk).update(arrived_at=Now(), error="")


def mail_is_set_up() -> bool:
    """Whether an e-mail would leave this server."""
    return not str(settings.EMAIL_BACKEND).endswith("dummy.EmailBackend")
