package Test::LLMBatch::Server::Ollama;

# Copyright (C) The ngx_http_llm_batch_module authors

# /api/embed of Ollama.  There is no limit on the number of items; a bare empty
# text is no item, and only strings are taken.

use v5.36;

use parent 'Test::LLMBatch::Server';

use Test::LLMBatch::Server qw/ floats is_number js seed tokens_of vector /;


sub items($self, $request) {
	return unless ref $request eq 'HASH';

	my $input = $request->{input};

	return unless defined $input;
	return $input eq '' ? () : $input unless ref $input;
	return unless ref $input eq 'ARRAY';
	return map { $_ // '' } @$input;
}

sub columns($self, $request) { return 'input' }
sub counts($self) { return 'prompt_eval_count' }
sub usage_paths($self) { return 'prompt_eval_count' }
sub error($self, $status, $message) { return js({ error => $message }) }

sub refuse($self, $request, $how) {
	return 400, $self->error(400, 'invalid input type')
		if grep { ref or is_number($_) } $self->items($request);
	return;
}

sub answer($self, $request, $how) {
	my @items = $self->items($request);
	my $model = $request->{model} // '';
	my @e = map { $_->[1] } $self->disturb($how, map {
		[ $_, floats(vector(seed($model, $items[$_]),
			$request->{dimensions} || 8)) ]
	} 0 .. $#items);

	return '{"model":' . js($model) . ',"embeddings":['
		. join(',', @e) . '],"total_duration":14143917,'
		. '"load_duration":1019500,"prompt_eval_count":'
		. tokens_of(@items) . '}';
}

1;
