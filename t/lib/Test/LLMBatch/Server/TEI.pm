package Test::LLMBatch::Server::TEI;

# Copyright (C) The ngx_http_llm_batch_module authors

# /embed, /embed_all, /embed_sparse and /predict of Text Embeddings Inference,
# started with its defaults: 32 items and 2,000,000 bytes in a request.  The
# body tells no tokens, headers do.  ["a", "b"] is a pair to /predict.
#
# At / there is /embed, or with as => "classifier" /predict, or with "reranker"
# another server.  "pipeline" is none of these, has no limits, and answers a
# bare text with its vector; so does feature extraction of Hugging Face.

use v5.36;

use parent 'Test::LLMBatch::Server';

use Test::LLMBatch::Server qw/ floats is_number js seed texts_of tokens_of
	vector /;

my $max_items = 32;
my $max_bytes = 2_000_000;

# what a member means that is not there

my %defaults = (
	normalize => '[true]', truncation_direction => '["right"]',
	prompt_name => '[null]', dimensions => '[null]',
	raw_scores => '[false]',
);


sub _root($self) { return $self->{path} eq '/' }

sub _predict($self) {
	return $self->{path} =~ m!/predict$!
		|| $self->_root() && $self->{as} eq 'classifier';
}

sub _pipeline($self) {
	return $self->{path} =~ m!/pipeline/!
		|| $self->_root() && $self->{as} eq 'pipeline';
}

sub items($self, $request) {
	return unless ref $request eq 'HASH';

	my $inputs = $request->{inputs};

	return unless defined $inputs;
	return $inputs unless ref $inputs;
	return unless ref $inputs eq 'ARRAY' and @$inputs;

	if ($self->_predict()) {
		return _sequence($inputs) unless ref $inputs->[0];
		return map { _sequence($_) } @$inputs;
	}

	return $inputs if is_number($inputs->[0]);
	return map { $_ // '' } @$inputs;
}

# one text is the same whether it stands in an array or not

sub _sequence($v) { return ref $v && @$v == 1 ? $v->[0] : $v }

sub columns($self, $request) { return $self->_predict() ? () : 'inputs' }
sub usage_paths($self) { return () }

sub one($self, $request) {
	my ($item) = $self->items($request);

	return { %$request, inputs => [ $item ] } if $self->{path} =~ m!/pipeline/!;
	return $self->SUPER::one($request) unless $self->_predict();
	return { %$request, inputs => $item }
		unless $self->_root() and ref $request->{inputs}
			and ref $request->{inputs}[0];
	return { %$request, inputs => [ ref $item ? $item : [ $item ] ] };
}

sub error($self, $status, $message) {
	my $type = $status == 400 ? 'Empty' : $status == 424 ? 'Backend'
		: $status == 429 ? 'Overloaded'
		: $status == 503 ? 'Unhealthy' : 'Validation';

	return js({ error => $message, error_type => $type });
}

sub refuse($self, $request, $how) {
	return if $self->_pipeline();

	my @items = $self->items($request);
	my $n = @items;
	my $max = $how->{tei_items} // $max_items;

	return 422, $self->error(422,
		"batch size $n > maximum allowed batch size $max") if $n > $max;
	return 413, 'Failed to buffer the request body: length limit exceeded'
		if length(js($request)) > $max_bytes;
	return 422, $self->error(422, 'Input validation error: `inputs` cannot'
		. ' be empty') if grep { !ref and $_ eq '' } @items;
	return;
}

sub headers($self, $request) {
	return {} if $self->_pipeline();

	my @items = $self->items($request);
	my $characters = 0;

	$characters += length for map { texts_of($_) } @items;

	return { 'x-compute-type' => 'cpu', 'x-compute-time' => 12,
		'x-compute-characters' => $characters,
		'x-compute-tokens' => tokens_of(@items), 'x-total-time' => 13,
		'x-tokenization-time' => 0, 'x-queue-time' => 0,
		'x-inference-time' => 12 };
}

sub answer($self, $request, $how) {
	my @items = $self->items($request);
	my @e = map { $_->[1] } $self->disturb($how,
		map { [ $_, $self->_result($request, $items[$_]) ] }
			0 .. $#items);
	my $inputs = $request->{inputs};
	my $single = $self->_pipeline() ? !ref $inputs
		: $self->_predict() && !(ref $inputs and ref $inputs->[0]);

	return $single && @e == 1 ? $e[0] : '[' . join(',', @e) . ']';
}

sub _result($self, $request, $item) {
	my %key = %$request;
	delete $key{inputs};
	delete @key{ grep { js([ $key{$_} ]) eq ($defaults{$_} // '') }
		keys %key };

	my $n = tokens_of($item);
	my $seed = seed(%key ? js(\%key) : '', $item);

	return $self->_labels($request, $seed) if $self->_predict();
	return floats(vector($seed, $request->{dimensions} || 8))
		if $self->{path} =~ m!/embed$|^/$|/pipeline/!;
	return '[' . join(',', map { floats(vector("$seed $_", 4)) } 1 .. $n)
		. ']' if $self->{path} =~ m!/embed_all$!;

	my @v = vector($seed, $n);

	return '[' . join(',', map {
		sprintf '{"index":%d,"value":%.16f}', 7 * $_ + 1, abs $v[$_]
	} 0 .. $#v) . ']';
}

# the best label first

sub _labels($self, $request, $seed) {
	my ($v) = vector($seed, 1);
	my %score = (positive => 0.5 + $v, negative => 0.5 - $v);

	return '[' . join(',', map {
		sprintf '{"score":%.16f,"label":"%s"}', $score{$_}, $_
	} sort { $score{$b} <=> $score{$a} || $a cmp $b } keys %score) . ']';
}

1;
