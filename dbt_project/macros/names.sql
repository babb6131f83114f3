{# Names and texts in SQL. #}

{% macro identifier(name) -%}
    "{{ name | replace('"', '""') }}"
{%- endmacro %}

{# "a", "b" for a list of names. #}
{% macro identifiers(names) -%}
    {%- for name in names %}{{ identifier(name) }}{{ ", " if not loop.last }}{% endfor -%}
{%- endmacro %}

{% macro text_literal(text) -%}
    '{{ text | replace("'", "''") }}'
{%- endmacro %}

{# 'a', 'b' for a list of texts. #}
{% macro text_literals(texts) -%}
    {%- for text in texts %}{{ text_literal(text) }}{{ ", " if not loop.last }}{% endfor -%}
{%- endmacro %}

{# The place of a key in a JSON object, within the quotes of a text. #}
{% macro json_pointer(key) -%}
    /{{ key | replace("~", "~0") | replace("/", "~1") | replace("'", "''") }}
{%- endmacro %}

{# Keys of a version of an agreement and of its benefit, of tables called agreements and benefits. A slash in an id is doubled: no two keys are equal. #}
{% macro agreement_version_id() -%}
    replace(agreements.agreement_id, '/', '//') || '/' || agreements.version
{%- endmacro %}

{% macro benefit_version_id() -%}
    {{ agreement_version_id() }} || '/' || replace(benefits.benefit_id, '/', '//')
{%- endmacro %}
