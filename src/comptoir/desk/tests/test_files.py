"""What came with a message is shown in a cage, or handed out as a download; never as a page of ours."""

from comptoir.desk.tests.conftest import Cast
from comptoir.testing import builders

HTML = '<p onclick="x">Hello</p><img data-remote-src="https://tracker.example/p.png"><img data-cid="pic&amp;1">'
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


def test_html_is_caged_and_remote_images_wait_for_a_click(cast: Cast) -> None:
    message = builders.make_message(cast.conversation, html=HTML)
    client = cast.client()
    response = client.get(f"/messages/{message.pk}/html/")
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "sandbox" in policy and "allow-scripts" not in policy and "allow-same-origin" not in policy
    assert 'data-remote-src="https://tracker.example/p.png"' in response.content.decode()
    response = client.get(f"/messages/{message.pk}/html/?images=1")
    assert "img-src data: https: http:;" in response.headers["Content-Security-Policy"]
    assert ' src="https://tracker.example/p.png"' in response.content.decode()


def test_embedded_images_are_put_into_the_html_itself(cast: Cast) -> None:
    message = builders.make_message(cast.conversation, html=HTML)
    builders.make_attachment(message, filename="a.png", content=PNG, content_type="image/png", content_id="pic&1")
    text = cast.client().get(f"/messages/{message.pk}/html/").content.decode()
    assert 'src="data:image/png;base64,' in text


def test_an_embedded_svg_is_never_shown_in_place(cast: Cast) -> None:
    message = builders.make_message(cast.conversation, html=HTML)
    builders.make_attachment(
        message, filename="a.svg", content=b"<svg onload='x'/>", content_type="image/svg+xml", content_id="pic&1"
    )
    assert "data:image/svg" not in cast.client().get(f"/messages/{message.pk}/html/").content.decode()


def test_the_page_embeds_the_html_only_in_a_sandboxed_frame(cast: Cast) -> None:
    builders.make_message(cast.conversation, html=HTML, text="Hello")
    page = cast.client().get(f"/conversations/{cast.conversation.pk}/").content.decode()
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert "tracker.example" not in page


def test_attachments_are_downloads_and_hostile_names_stay_names(cast: Cast) -> None:
    attachment = builders.make_attachment(
        cast.message,
        filename='../"x";\r\nSet-Cookie: a=b;évil.html',
        content=b"<script>1</script>",
        content_type="text/html",
    )
    response = cast.client().get(f"/attachments/{attachment.pk}/?inline")
    assert response.headers["Content-Disposition"].startswith("attachment; filename=")
    assert "\n" not in response.headers["Content-Disposition"]
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in response.headers


def test_raster_images_may_be_shown_in_place(cast: Cast) -> None:
    attachment = builders.make_attachment(cast.message, filename="a.png", content=PNG, content_type="image/png")
    response = cast.client().get(f"/attachments/{attachment.pk}/?inline")
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["Content-Disposition"].startswith("inline")


def test_a_file_that_the_storage_lost_is_not_found(cast: Cast) -> None:
    attachment = builders.make_attachment(cast.message)
    type(attachment).objects.update(key="0" * 64)
    assert cast.client().get(f"/attachments/{attachment.pk}/").status_code == 404


def test_the_original_is_one_click_away(cast: Cast) -> None:
    raw = "From: a\r\nSubject: <script>alert(1)</script> é\r\n\r\nHello".encode()
    record = builders.make_record(cast.account, raw=raw, state=1, reason="")
    message = builders.make_message(
        cast.conversation, record=record, text="Hello\n\n-- \nAda\n> old", visible_text="Hello"
    )
    client = cast.client()
    page = client.get(f"/messages/{message.pk}/original/").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; é" in page
    response = client.get(f"/messages/{message.pk}/source/")
    assert response.content == raw
    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.headers["Content-Disposition"].startswith("attachment")
    page = client.get(f"/conversations/{cast.conversation.pk}/").content.decode()
    assert "Quoted text and signature" in page


def test_a_message_without_a_record_has_an_empty_source(cast: Cast) -> None:
    assert cast.client().get(f"/messages/{cast.message.pk}/source/").content == b""
