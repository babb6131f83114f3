{{ config(tags=["net_of"]) }}
{{ summed_measures(ref("int_lines_netted")) }}
