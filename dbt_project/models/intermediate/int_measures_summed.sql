{{ summed_measures(ref("int_lines_credited")) }}
