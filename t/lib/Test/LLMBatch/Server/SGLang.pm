package Test::LLMBatch::Server::SGLang;

# Copyright (C) The ngx_http_llm_batch_module authors

# /generate of SGLang: a list of texts, or of arrays of ids, with parameters of
# sampling for each or for all; a bare one is answered with an object.  Counts
# are each item's own.

use v5.36;

use parent 'Test::LLMBatch::Server';

use Test::LLMBatch::Server qw/ generated is_number js seed token_ids
	tokens_of /;


# [ text or ids, parameters ]

sub items($self, $request) {
	return unless ref $request eq 'HASH';

	my $v = $request->{text} // $request->{input_ids};

	return unless defined $v;

	my @values = _bare($v) ? $v : @$v;
	my $params = $request->{sampling_params} // {};

	return map { [ $_, $params ] } @values if ref $params ne 'ARRAY';
	return if @$params != @values;
	return map { [ $values[$_], $params->[$_] ] } 0 .. $#values;
}

sub _bare($v) { return !ref $v || is_number($v->[0]) }

sub tokens($self, $request) {
	return tokens_of(map { $_->[0] } $self->items($request));
}

sub columns($self, $request) {
	return grep { exists $request->{$_} }
		qw/ text input_ids sampling_params /;
}

sub usage_paths($self) { return () }

sub error($self, $status, $message) {
	return js({ error => { message => $message } });
}

sub refuse($self, $request, $how) {
	my @values = map { $_->[0] } $self->items($request);

	return 400, $self->error(400, 'The input text should not be empty.')
		if grep { ref ? !@$_ : $_ eq '' } @values;
	return;
}

sub answer($self, $request, $how) {
	my @items = $self->items($request);
	my %key = %$request;

	delete @key{qw/ text input_ids sampling_params /};

	my @e = map { $_->[1] } $self->disturb($how,
		map { [ $_, $self->_generated(js(\%key), $items[$_]) ] }
			0 .. $#items);

	return $e[0] if @e == 1
		and _bare($request->{text} // $request->{input_ids});
	return '[' . join(',', @e) . ']';
}

sub _generated($self, $key, $item) {
	my ($value, $params) = @$item;
	my $max = $params->{max_new_tokens} // 16;
	my $seed = seed($key . js($params), $value);
	my ($text, $n, $cut) = generated($seed, $max);
	my $id = join '', map { sprintf '%04x', $_ } token_ids($value, 8);

	$id = join '', map { sprintf '%04x', $_ } token_ids(js($value), 8)
		if ref $value;

	return '{"text":' . js($text) . ',"output_ids":'
		. js([ token_ids($text, $n) ]) . qq!,"meta_info":{"id":"$id",!
		. '"finish_reason":' . ($cut ? qq!{"type":"length","length":$max}!
			: '{"type":"stop","matched":2}')
		. ',"prompt_tokens":' . tokens_of($value)
		. qq!,"weight_version":"default","completion_tokens":$n,!
		. '"cached_tokens":0,"e2e_latency":0.0125}}';
}

1;
