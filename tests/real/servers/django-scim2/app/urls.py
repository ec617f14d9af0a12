"""SCIM, and Django's own way to sign in."""

from django.contrib.auth import authenticate, login
from django.http import JsonResponse
from django.urls import include, path


def sign_in(request):
    user = authenticate(request, username=request.GET["user"], password=request.GET["password"])
    if user is None:
        return JsonResponse({}, status=401)
    login(request, user)
    return JsonResponse({})


def me(request):
    return JsonResponse({}, status=200 if request.user.is_authenticated else 401)


urlpatterns = [path("scim/v2/", include("django_scim.urls")), path("sign-in", sign_in), path("me", me)]
