"""The addresses of single sign-on, beside allauth's own."""

from django.urls import path

from comptoir.accounts import openid

urlpatterns = [
    path("sign-on/", openid.login, name="sign_on_login"),
    path("sign-on/callback/", openid.callback, name="sign_on_callback"),
]
