"""Log in, log out, and one's own account: password and API token. There is no sign-up."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST
from rest_framework.authtoken.models import Token

from frontend.access import PageRequest


@login_required
def account(request: PageRequest) -> HttpResponse:
    form = PasswordChangeForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        update_session_auth_hash(request, request.user)
        messages.success(request, "Your password is changed. Other sessions of yours are logged out.")
        return redirect("account")
    made = Token.objects.filter(user=request.user).first()
    return render(request, "account/account.html", {"form": form, "token": made})


@login_required
@require_POST
def token(request: PageRequest) -> HttpResponse:
    """Make a token, or a new one in place of the old; it is shown once."""
    Token.objects.filter(user=request.user).delete()
    if request.POST.get("what") == "remove":
        messages.success(request, "Your token is removed; scripts that use it are refused from now on.")
        return redirect("account")
    made = Token.objects.create(user=request.user)
    form = PasswordChangeForm(request.user)
    return render(request, "account/account.html", {"form": form, "token": made, "shown": made.key})
