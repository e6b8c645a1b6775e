"""Fields of the organisation's own: their definitions, and the values of contacts."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0003_words'),
    ]

    operations = [
        migrations.AddField(
            model_name='contact',
            name='fields',
            field=models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.CreateModel(
            name='CustomField',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.CharField(choices=[('conversation', 'Conversation'), ('contact', 'Contact')], max_length=12, verbose_name='Belongs to')),
                ('key', models.SlugField(max_length=40, verbose_name='key')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('kind', models.CharField(choices=[('text', 'Text'), ('number', 'Number'), ('date', 'Date'), ('choice', 'Choice'), ('checkbox', 'Yes or no')], max_length=8, verbose_name='kind')),
                ('choices', models.JSONField(default=list)),
                ('help', models.CharField(blank=True, max_length=200, verbose_name='help')),
                ('position', models.IntegerField(default=0)),
            ],
            options={
                'ordering': ['position', 'id'],
                'constraints': [models.UniqueConstraint(fields=('subject', 'key'), name='custom_field_key_once')],
            },
        ),
    ]
