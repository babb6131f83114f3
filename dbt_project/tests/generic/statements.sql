{# Statements about columns; each query returns the rows that break it. #}

{% test is_one_row_per(model, columns) %}
select {{ columns | join(", ") }}, count(*) as row_count
from {{ model }}
group by {{ columns | join(", ") }}
having count(*) > 1
{% endtest %}

{% test not_blank(model, column_name) %}
select {{ column_name }}
from {{ model }}
where trim({{ column_name }}) = ''
{% endtest %}

{% test is_not_negative(model, column_name) %}
select {{ column_name }}
from {{ model }}
where {{ column_name }} < 0
{% endtest %}

{% test is_plausible_day(model, column_name) %}
select {{ column_name }}
from {{ model }}
where {{ column_name }} not between date '1900-01-01' and date '2999-12-31'
{% endtest %}

{# An amount has no more decimals than any currency. #}
{% test is_whole_minor_units(model, column_name) %}
select {{ column_name }}
from {{ model }}
where {{ column_name }} <> round({{ column_name }}, 4) or typeof({{ column_name }}) not like 'DECIMAL%'
{% endtest %}

{% test is_exact_number(model, column_name) %}
select {{ column_name }}
from {{ model }}
where typeof({{ column_name }}) not like 'DECIMAL%'
{% endtest %}
