{#
  Tables and views of a private, derived warehouse: replaced in one statement.
  dbt-duckdb's own ones build a second relation, rename both and drop the old one, which protects readers that this file does not have and costs twice the time.
  The contract of a model is checked before anything is replaced, as there.
#}
{% materialization table, adapter="duckdb", supported_languages=["sql"] %}
    {{ return({"relations": [replace_relation("table")]}) }}
{% endmaterialization %}

{% materialization view, adapter="duckdb", supported_languages=["sql"] %}
    {{ return({"relations": [replace_relation("view")]}) }}
{% endmaterialization %}

{% macro replace_relation(kind) %}
    {%- set target_relation = this.incorporate(type=kind) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is not none and existing.type != kind %}{% do adapter.drop_relation(existing) %}{% endif -%}
    {{ run_hooks(pre_hooks) }}
    {%- if config.get("contract").enforced %}{{ get_assert_columns_equivalent(compiled_code) }}{% endif -%}
    {% call statement("main") -%}
        create or replace {{ kind }} {{ target_relation }} as (
            {{ compiled_code }}
        )
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return(target_relation) }}
{% endmacro %}
