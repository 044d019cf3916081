package Test::LLMBatch::Server::Cohere;

# Copyright (C) The ngx_http_llm_batch_module authors

# /v2/embed of Cohere: an array for each of "embedding_types", and the texts
# once more, by place; 96 texts at most.  Instead of texts there may be "inputs",
# objects, which are not repeated.  /v1/embed answers without types if the
# request has none.

use v5.36;

use parent 'Test::LLMBatch::Server';

use Test::LLMBatch::Server qw/ base64 floats js seed tokens_of vector /;

my $max_items = 96;


sub items($self, $request) {
	return unless ref $request eq 'HASH';

	my $list = $request->{texts} // $request->{inputs};

	return unless ref $list eq 'ARRAY';
	return map { $_ // '' } @$list;
}

sub one($self, $request) {
	my $name = exists $request->{texts} ? 'texts' : 'inputs';
	return { %$request, $name => [ $request->{$name}[0] ] };
}

sub exact($self, $request) { return 0 }
sub counts($self) { return qw/ input_tokens output_tokens / }
sub usage_paths($self) { return qw/ meta.billed_units meta.tokens / }

sub error($self, $status, $message) {
	return js({ id => $self->id(), message => $message });
}

sub refuse($self, $request, $how) {
	my @items = $self->items($request);
	my $n = @items;

	return 400, $self->error(400, 'invalid request: total number of texts'
		. " must be at most $max_items - received $n")
		if $n > $max_items;
	return 400, $self->error(400, 'invalid request: input_type parameter'
		. ' is required') if !defined $request->{input_type};
	return 400, $self->error(400, 'invalid request: texts cannot be empty')
		if grep { $_ eq '' or exists $request->{texts} && ref } @items;
	return;
}

sub headers($self, $request) {
	return { 'x-debug-trace-id' => $self->id(), 'num_chars' => 10,
		'x-endpoint-monthly-call-limit' => 1000,
		'x-trial-endpoint-call-limit' => 100,
		'x-trial-endpoint-call-remaining' => 99 };
}

sub answer($self, $request, $how) {
	my @items = $self->items($request);
	my $tokens = tokens_of(@items);
	my $model = $request->{model} // '';
	my $first = $self->{path} =~ m!/v1/embed$!;
	my $floats = $first && !$request->{embedding_types};
	my @types = @{$request->{embedding_types} // [ 'float' ]};
	my @e = $self->disturb($how, map { [ $_, $items[$_],
		vector(seed("$model $request->{input_type}", $items[$_]),
			$request->{output_dimension} || 8) ] } 0 .. $#items);

	my $embeddings = join ',', map {
		my $type = $_;
		my $list = '[' . join(',', map {
			_notation($type, @$_[2 .. $#$_])
		} @e) . ']';

		$floats ? $list : qq!"$type":$list!
	} @types;

	$embeddings = "{$embeddings}" unless $floats;

	return '{"id":"' . $self->id() . qq!","embeddings":$embeddings!
		. ',"texts":' . js([ map { ref ? () : $_ }
			map { $_->[1] } @e ])
		. ',"meta":{"api_version":{"version":"' . ($first ? 1 : 2)
		. qq!"},"billed_units":{"input_tokens":$tokens}},!
		. '"response_type":"embeddings_' . ($floats ? 'floats' : 'by_type')
		. '"}';
}

sub _notation($type, @v) {
	return base64(@v) if $type eq 'base64';
	return floats(@v) if $type eq 'float';

	my $offset = $type eq 'uint8' ? 128 : 0;

	return '[' . join(',', map { int($_ * 254) + $offset } @v) . ']'
		if $type =~ /^u?int8$/;

	# a bit for each value

	my $bits = pack 'B*', join '', map { $_ > 0 ? 1 : 0 } @v;

	return '[' . join(',', unpack $type eq 'binary' ? 'c*' : 'C*', $bits)
		. ']';
}

1;
