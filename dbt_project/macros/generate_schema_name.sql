{# A model's schema is the one its folder names, without the target's name before it: asset key = physical place. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
