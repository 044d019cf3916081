package Test::LLMBatch::Server::KServe;

# Copyright (C) The ngx_http_llm_batch_module authors

# /v1/models/<name>:predict, and /v2/models/<name>/infer of the Open Inference
# Protocol, as => "triton" with the errors of Triton.  An item of the latter is
# what all inputs have at one index of their first dimension; outputs are "y"
# (two numbers) and "label" (a text) for each.
#
# The former gives its model numpy.array(instances): beside a text all numbers
# are texts, beside 2.5 all integers are floats, and what has another length, or
# other names, is an error.

use v5.36;

use parent 'Test::LLMBatch::Server';

use List::Util qw/ product /;

use Test::LLMBatch::Server qw/ floats js seed vector /;


sub _v2($self) { return $self->{path} =~ m!/infer$! }
sub _model($self) { return $self->{path} =~ m!/models/([^/:]+)! ? $1 : '' }
sub usage_paths($self) { return () }

sub items($self, $request) {
	return unless ref $request eq 'HASH';

	if (!$self->_v2()) {
		return unless ref $request->{instances} eq 'ARRAY';
		return @{$request->{instances}};
	}

	return unless ref $request->{inputs} eq 'ARRAY';

	my @inputs = map { [ _rows($_) ] } @{$request->{inputs}};

	return if grep { @$_ != @{$inputs[0]} } @inputs;
	return map { my $i = $_; [ map { $_->[$i] } @inputs ] }
		0 .. $#{$inputs[0] // []};
}

# the flat data of each index, none if it does not fit the shape

sub _rows($input) {
	my ($n, @rest) = @{$input->{shape} // []};
	my $size = product(1, @rest);
	my @data = _flat($input->{data} // []);

	return if !$n or @data != $n * $size;
	return map { [ splice @data, 0, $size ] } 1 .. $n;
}

sub _flat($v) { return ref $v eq 'ARRAY' ? map { _flat($_) } @$v : $v }

sub one($self, $request) {
	return { %$request, instances => [ $request->{instances}[0] ] }
		unless $self->_v2();
	return { %$request, inputs => [ map {
		my $input = $_;
		my ($n, @rest) = @{$input->{shape}};
		my $nested = ref $input->{data}[0];
		+{ %$input, shape => [ 1, @rest ], data => $nested
			? [ $input->{data}[0] ] : (_rows($input))[0] }
	} @{$request->{inputs}} ] };
}

# the values in an item, in order, and what they are in

sub _leaves($v) {
	return map { _leaves($_) } @$v if ref $v eq 'ARRAY';
	return map { _leaves($v->{$_}) } sort keys %$v if ref $v eq 'HASH';
	return js($v);
}

sub _frame($v) {
	return '[' . join(',', map { _frame($_) } @$v) . ']'
		if ref $v eq 'ARRAY';
	return '{' . join(',', map { "$_:" . _frame($v->{$_}) } sort keys %$v)
		. '}' if ref $v eq 'HASH';
	return '';
}

sub _array(@items) {
	my @rows = map { [ _leaves($_) ] } @items;
	my $text = grep { /^"/ } map { @$_ } @rows;
	my $float = grep { /^-?\d.*[.e]/ } map { @$_ } @rows;
	my $null = grep { $_ eq 'null' } map { @$_ } @rows;
	my $number = grep { /^-?\d/ } map { @$_ } @rows;

	for my $row (@rows) {
		for (@$row) {
			s/^true$/1/, s/^false$/0/ if $number;
			s/^[^"].*/"$&"/ if $text;
			s/^-?\d+$/$&.0/ if $float;
			s/^/object / if $null;
		}
	}

	return map { join ' ', @$_ } @rows;
}

sub error($self, $status, $message) { return js({ error => $message }) }

sub refuse($self, $request, $how) {
	my %frames = map { _frame($_) => 1 } $self->items($request);

	return 400, $self->error(400,
		'setting an array element with a sequence')
		if keys %frames > 1 and !$self->_v2();

	my $max = $how->{max_batch} // return;
	my $n = () = $self->items($request);

	return 400, $self->error(400, '[request id: '
		. ($request->{id} // '<id_unknown>') . '] inference request'
		. " batch-size must be <= $max for '" . $self->_model() . "'")
		if $n > $max;
	return;
}

sub answer($self, $request, $how) {
	my @items = $self->items($request);

	@items = _array(@items) unless $self->_v2();

	my @e = $self->disturb($how, map { [ $_, $items[$_] ] } 0 .. $#items);
	my $model = $self->_model();
	my %key = %$request;

	delete @key{qw/ instances inputs id outputs /};
	$_->[1] = seed("$model " . js(\%key), $_->[1]) for @e;

	return '{"predictions":[' . join(',', map {
		floats(vector($_->[1], 3))
	} @e) . ']}' unless $self->_v2();

	my $n = @e;
	my %output = (
		y => qq!{"name":"y","shape":[$n,2],"datatype":"FP32","data":[!
			. join(',', map {
				floats(vector($_->[1], 2)) =~ s/[\[\]]//gr
			} @e) . ']}',
		label => qq!{"name":"label","shape":[$n],"datatype":"BYTES",!
			. '"data":[' . join(',', map {
				my ($v) = vector("label $_->[1]", 1);
				$v > 0 ? '"yes"' : '"no, \u00fc]"'
			} @e) . ']}',
	);
	my @names = map { $_->{name} } @{$request->{outputs} // []};
	my $version = $self->{path} =~ m!/versions/([^/]+)! ? $1 : '1';

	@names = qw/ y label / unless @names;

	return '{' . join(',', '"model_name":' . js($model),
		'"model_version":' . js($version),
		defined $request->{id} ? '"id":' . js($request->{id}) : (),
		'"outputs":[' . join(',', map { $output{$_} } @names) . ']')
		. '}';
}

sub comparable($self, $text, $exact) { return $text }

1;
