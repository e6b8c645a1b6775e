"""Every setting of the product says what it is, in one line, in French and in English."""

from django import forms

from comptoir.testing import help as walking


def test_every_setting_has_a_label_and_a_line_of_help_in_both_languages() -> None:
    faults = walking.without_help()
    assert not faults, "Give these fields a label and a help_text (Field.help), and translate them: " + "; ".join(
        faults
    )


def test_the_walk_sees_the_forms_of_the_product() -> None:
    names = {form.__name__ for form in walking.form_classes()}
    assert {"SettingsForm", "AccountForm", "TokenForm", "WebhookForm", "MailboxForm", "ImportForm"} <= names


def test_a_field_without_help_is_found() -> None:
    class Bare(forms.Form):
        name = forms.CharField(label="Name")

    field = Bare.base_fields["name"]
    told = {language: (str(field.label), str(field.help_text)) for language in ("en", "fr")}
    assert list(walking._faults("x: name", told)) == ["x: name has no help"]
