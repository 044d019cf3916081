package Test::LLMBatch::Server::LlamaCpp;

# Copyright (C) The ngx_http_llm_batch_module authors

# /completion of llama.cpp's server.  A list without bare numbers holds several
# prompts, any other value is one; one result is an object, more are an array.

use v5.36;

use parent 'Test::LLMBatch::Server';

use Test::LLMBatch::Server qw/ generated is_number js seed texts_of
	tokens_of /;


sub items($self, $request) {
	return unless ref $request eq 'HASH';

	my $prompt = $request->{prompt};

	return unless defined $prompt;
	return $prompt if ref $prompt ne 'ARRAY'
		or grep { is_number($_) } @$prompt;
	return @$prompt;
}

sub columns($self, $request) { return 'prompt' }
sub usage_paths($self) { return () }

sub error($self, $status, $message) {
	my $type = $status == 503 ? 'unavailable_error'
		: $status >= 500 ? 'server_error' : 'invalid_request_error';

	return js({ error => { code => $status, message => $message,
		type => $type } });
}

sub answer($self, $request, $how) {
	my @prompts = $self->items($request);
	my %key = %$request;

	delete $key{prompt};

	my @e = map {
		'{' . $self->index_of($_) . $_->[1] . '}'
	} $self->disturb($how, map {
		[ $_, $self->_completion(\%key, $prompts[$_]) ]
	} 0 .. $#prompts);

	return @e == 1 ? $e[0] : '[' . join(',', @e) . ']';
}

sub _completion($self, $key, $prompt) {
	my $max = $key->{n_predict} // 16;
	my ($text, $n, $cut) = generated(seed(js($key), $prompt), $max);
	my $evaluated = tokens_of($prompt);
	my $cached = $evaluated + $n - 1;

	return '"content":' . js($text) . ',"tokens":[],"id_slot":0,'
		. '"stop":true,"model":"mock.gguf",'
		. qq!"tokens_predicted":$n,"tokens_evaluated":$evaluated,!
		. '"generation_settings":' . js($key) . ',"prompt":'
		. js(join ' ', '<s>', texts_of($prompt))
		. ',"has_new_line":false,"truncated":false,"stop_type":"'
		. ($cut ? 'limit' : 'eos') . '","stopping_word":"",'
		. qq!"tokens_cached":$cached,"timings":{"prompt_n":$evaluated,!
		. qq!"prompt_ms":12.5,"predicted_n":$n,"predicted_ms":50.0}!;
}

1;
