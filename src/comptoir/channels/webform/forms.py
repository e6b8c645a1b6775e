"""The fields of the form and their checks, in words."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core import signing
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from comptoir.channels.webform.parse import File
from comptoir.channels.webform.rules import MAX_FILE_BYTES, MAX_FILES, MAX_FILES_BYTES, MAX_MESSAGE, content_type_of
from comptoir.core import storage
from comptoir.core.filenames import name_attachment

KEPT_SALT = "comptoir.webform.kept"
KEPT_FOR = 24 * 3600  # seconds; as long as the form's own token


class ContactForm(forms.Form):
    """What a visitor types. Django's own messages are translated; ours say what to do."""

    name = forms.CharField(label=_("Your name"), max_length=120, error_messages={"required": _("Tell us your name.")})
    email = forms.EmailField(
        label=_("Your e-mail"),
        max_length=254,
        error_messages={
            "required": _("Tell us where we can answer you."),
            "invalid": _("This is not a complete e-mail address. It looks like name@example.org."),
        },
    )
    topic = forms.ChoiceField(label=_("Topic"), required=False)
    subject = forms.CharField(
        label=_("Subject"), max_length=200, error_messages={"required": _("Say in a few words what it is about.")}
    )
    message = forms.CharField(
        label=_("Your message"),
        max_length=MAX_MESSAGE,
        widget=forms.Textarea,
        error_messages={"required": _("Write your message.")},
    )

    def __init__(self, *args: Any, topics: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        topic = self.fields["topic"]
        assert isinstance(topic, forms.ChoiceField)
        topic.choices = [("", _("Choose one")), *((name, name) for name in topics)]
        topic.error_messages["invalid_choice"] = _("Choose one of the topics.")
        if not topics:
            del self.fields["topic"]


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a submission: those that can be kept, and what is wrong with the others."""

    kept: tuple[File, ...]
    errors: tuple[str, ...]


def pack_kept(files: Sequence[File], *, account_id: int) -> str:
    """Return stored files as a signed text for a hidden field: a page with an error need not ask for them again."""
    if not files:
        return ""
    return signing.dumps([f.model_dump() for f in files], salt=f"{KEPT_SALT}.{account_id}", compress=True)


def unpack_kept(packed: str, *, account_id: int) -> tuple[File, ...]:
    """Return the files behind `pack_kept`, none for anything else."""
    if not packed or len(packed) > 20_000:
        return ()
    try:
        rows = signing.loads(packed, salt=f"{KEPT_SALT}.{account_id}", max_age=KEPT_FOR)
        return tuple(File.model_validate_json(json.dumps(row)) for row in rows)
    except (signing.BadSignature, ValueError, TypeError):
        return ()


def check_files(kept: Sequence[File], uploads: "Sequence[UploadedFile[Any]]") -> Files:
    """Store what may come in and say in words what may not. Bytes are stored by their content (see core/storage.py)."""
    files, errors = list(kept), []
    for upload in uploads:
        content_type, size = content_type_of(upload.content_type or ""), upload.size or 0
        name = name_attachment(upload.name or "", content_type)
        if len(files) >= MAX_FILES:
            most = ngettext(
                "You can attach at most %(count)d file.", "You can attach at most %(count)d files.", MAX_FILES
            )
            left_out = _("“%(name)s” was left out.") % {"name": name}
            errors.append(f"{most % {'count': MAX_FILES}} {left_out}")
        elif size > MAX_FILE_BYTES:
            facts = {"name": name, "size": filesizeformat(size), "most": filesizeformat(MAX_FILE_BYTES)}
            errors.append(_("“%(name)s” has %(size)s; a file may have at most %(most)s.") % facts)
        elif sum(f.size for f in files) + size > MAX_FILES_BYTES:
            facts = {"name": name, "most": filesizeformat(MAX_FILES_BYTES)}
            errors.append(_("“%(name)s” was left out: all files together may have at most %(most)s.") % facts)
        else:
            files.append(File(key=storage.put(upload.read()), filename=name, content_type=content_type, size=size))
    return Files(tuple(files), tuple(map(str, errors)))
