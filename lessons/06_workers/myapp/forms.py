from django import forms

LIMIT = 1_000_000_000


class AddForm(forms.Form):
    x = forms.IntegerField(label='First number', min_value=-LIMIT, max_value=LIMIT)
    y = forms.IntegerField(label='Second number', min_value=-LIMIT, max_value=LIMIT)
