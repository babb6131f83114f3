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

{#
  A table that a run changes only where `changes` says so. The model deletes what it computes anew in its pre-hook, and selects that alone where
  `is_incremental()`. A full run replaces the table.
#}
{% materialization incremental, adapter="duckdb", supported_languages=["sql"] %}
    {%- if not is_incremental() %}{{ return({"relations": [replace_relation("table")]}) }}{% endif -%}
    {%- set target_relation = this.incorporate(type="table") -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement("main") -%}
        insert into {{ target_relation }} by name (
            {{ compiled_code }}
        )
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}

{#
  Whether this run computes only what changed since the one before (assets/incremental). dbt's own macro asks the database, which no model may while it
  is compiled.
#}
{% macro is_incremental() %}
    {{ return(var("incremental")) }}
{% endmacro %}

{# For a pre-hook of an incremental model: its rows that are computed anew. #}
{% macro delete_where(condition) -%}
    {%- if is_incremental() -%}
    delete from {{ this }} as kept where {{ condition }}
    {%- endif -%}
{%- endmacro %}

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
