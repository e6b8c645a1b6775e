"""The pages of an import: hand over, look, confirm; nothing is written before."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from comptoir.conversations.models import Conversation
from comptoir.desk.tests.conftest import Cast
from comptoir.moving import jobs
from comptoir.moving.models import Import, Stage
from comptoir.moving.tests.test_readers import FIXTURES, as_zip


def upload(client: Client, cast: Cast, content: bytes, name: str = "export.zip", system: str = "zendesk") -> Import:
    file = SimpleUploadedFile(name, content)
    response = client.post("/settings/imports/", {"system": system, "file": file, "account": cast.account.pk})
    assert response.status_code == 302, response.content.decode()
    job = Import.objects.latest("id")
    assert response.headers["Location"] == f"/settings/imports/{job.pk}/"
    return job


def test_an_export_is_tried_shown_and_confirmed(cast: Cast) -> None:
    client = cast.client(cast.admin)
    job = upload(client, cast, as_zip(FIXTURES / "zendesk"))
    url = f"/settings/imports/{job.pk}/"
    assert "nothing is written" in client.get(url).content.decode()
    before = Conversation.objects.count()
    jobs.run_due(lambda: False)
    page = client.get(url).content.decode()
    assert "Nothing is written yet" in page and "gone@acme.example" in page and "it was deleted over there" in page
    assert Conversation.objects.count() == before
    assert client.post(f"{url}confirmation/").status_code == 302
    assert "Moving in" in client.get(url).content.decode()
    jobs.run_due(lambda: False)
    assert "You have moved in" in client.get(url).content.decode()
    assert Conversation.objects.count() == before + 2
    assert client.post(f"{url}confirmation/", headers={"HX-Request": "true"}).status_code == 409
    assert client.post(f"{url}withdrawal/", headers={"HX-Request": "true"}).status_code == 409
    number = Conversation.objects.get(subject="Plus de tonalité").pk
    assert "imported it from Zendesk" in client.get(f"/conversations/{number}/").content.decode()
    assert "export.zip" in client.get("/settings/imports/").content.decode()


def test_an_import_is_given_up_and_nothing_was_written(cast: Cast) -> None:
    client = cast.client(cast.admin)
    job = upload(client, cast, as_zip(FIXTURES / "zendesk"))
    assert client.post(f"/settings/imports/{job.pk}/withdrawal/").status_code == 302
    assert not jobs.run_due(lambda: False)
    job.refresh_from_db()
    assert job.stage == Stage.DROPPED


def test_a_table_asks_which_column_is_what(cast: Cast) -> None:
    client = cast.client(cast.admin)
    job = upload(client, cast, b"wer,wohin\nAda,ada2@example.net\n", "x.csv", "csv")
    jobs.run_due(lambda: False)
    page = client.get(f"/settings/imports/{job.pk}/").content.decode()
    assert "Say which column" in page and "wohin" in page
    bad = client.post(f"/settings/imports/{job.pk}/columns/", {"email": "none"}, headers={"HX-Request": "true"})
    assert bad.status_code == 422
    response = client.post(f"/settings/imports/{job.pk}/columns/", {"email": "wohin", "name": "wer"})
    assert response.status_code == 302
    jobs.run_due(lambda: False)
    job.refresh_from_db()
    assert (job.stage, job.trial["new"]) == (Stage.TRIED, {"contacts": 1})


@pytest.mark.parametrize("missing", ["system", "file", "account"])
def test_an_incomplete_form_says_what_is_missing(cast: Cast, missing: str) -> None:
    data = {"system": "csv", "file": SimpleUploadedFile("x.csv", b"a,b"), "account": cast.account.pk}
    del data[missing]
    response = cast.client(cast.admin).post("/settings/imports/", data)
    assert response.status_code == 422 and not Import.objects.exists()


def test_another_teams_account_cannot_be_chosen(cast: Cast) -> None:
    data = {"system": "csv", "file": SimpleUploadedFile("x.csv", b"a,b"), "account": cast.account.pk}
    response = cast.client(cast.stranger).post("/settings/imports/", data)
    assert response.status_code == 422 and not Import.objects.exists()
