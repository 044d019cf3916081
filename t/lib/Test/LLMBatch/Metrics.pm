package Test::LLMBatch::Metrics;

# Copyright (C) The ngx_http_llm_batch_module authors

# Reads the text format of Prometheus.

use v5.36;

use List::Util qw/ sum /;


# { 'name{label="value",...}' => number }, labels in alphabetical order

sub parse($text) {
	my %m;

	for (split /\n/, $text) {
		next if /^\s*(?:#|$)/;
		/^(\w+)(?:\{(.*)\})?\s+(\S+)/ or die "not a metric: $_\n";
		my ($name, $labels, $value) = ($1, $2 // '', $3);
		$m{_key($name, %{_labels($labels)})} = $value;
	}

	return \%m;
}

# the sum of all series that have the labels of the selector, undef if none

sub value($m, $selector) {
	$selector =~ /^(\w+)(?:\{(.*)\})?$/ or die "not a selector: $selector";
	my ($name, $want) = ($1, _labels($2 // ''));
	my @found;

	for (keys %$m) {
		/^\Q$name\E(?:\{(.*)\})?$/ or next;
		my $have = _labels($1 // '');
		push @found, $m->{$_} unless grep {
			($have->{$_} // '') ne $want->{$_}
		} keys %$want;
	}

	return sum @found;
}

sub _labels($text) {
	return { $text =~ /(\w+)="((?:[^"\\]|\\.)*)"/g };
}

sub _key($name, %labels) {
	return $name unless %labels;
	return "$name\{"
		. join(',', map { qq!$_="$labels{$_}"! } sort keys %labels)
		. '}';
}

1;
