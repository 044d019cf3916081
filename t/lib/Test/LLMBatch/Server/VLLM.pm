package Test::LLMBatch::Server::VLLM;

# Copyright (C) The ngx_http_llm_batch_module authors

# What only vLLM has: /score, and /v1/chat/completions/batch beside
# /v1/chat/completions.  absent => 404 or 405 is a version without the latter.

use v5.36;

use parent 'Test::LLMBatch::Server';

use List::Util qw/ max /;

use Test::LLMBatch::Server qw/ generated js seed texts_of token_ids tokens_of
	vector /;

my @names = ([ qw/ text_1 text_2 / ], [ qw/ queries documents / ],
	[ qw/ queries items / ], [ qw/ data_1 data_2 / ]);


sub _score($self) { return $self->{path} =~ m!/score$! }
sub _batch($self) { return $self->{path} =~ m!/batch$! }

# pairs, or conversations

sub items($self, $request) {
	return unless ref $request eq 'HASH';
	return $self->_pairs($request) if $self->_score();

	my $messages = $request->{messages};

	return unless ref $messages eq 'ARRAY' and @$messages;
	return $messages unless $self->_batch();
	return if grep { ref ne 'ARRAY' or !@$_ } @$messages;
	return @$messages;
}

sub _pairs($self, $request) {
	my @two = map { $request->{$_} } $self->columns($request);

	return unless @two == 2;

	my ($one, $other) = map { ref ? $_ : [ $_ ] } @two;
	my $n = max(scalar @$one, scalar @$other);

	return if !@$one or !@$other or @$one > 1 and @$one != $n
		or @$other != $n;
	return map { [ $one->[@$one > 1 ? $_ : 0], $other->[$_] ] }
		0 .. $n - 1;
}

sub columns($self, $request) {
	for (@names) {
		return @$_ if exists $request->{$_->[0]}
			and exists $request->{$_->[1]};
	}

	return;
}

sub one($self, $request) {
	return $self->_score() ? $self->SUPER::one($request) : { %$request };
}

sub counts($self) {
	return qw/ prompt_tokens completion_tokens total_tokens /;
}

sub exact($self, $request) { return 0 }

sub error($self, $status, $message) {
	return js({ error => { message => $message, type => 'BadRequestError',
		param => undef, code => $status } });
}

sub refuse($self, $request, $how) {
	return if $self->_score();

	my $absent = $how->{absent};

	return $absent, js({ detail => $absent == 405 ? 'Method Not Allowed'
		: 'Not Found' }) if $absent and $self->_batch();
	return 400, $self->error(400, 'n must be 1') if $self->_batch()
		and ($request->{n} // 1) != 1;
	return 400, $self->error(400, 'streaming is not mocked')
		if $request->{stream};
	return;
}

sub answer($self, $request, $how) {
	return $self->_score() ? $self->_scores($request, $how)
		: $self->_chats($request, $how);
}

sub _scores($self, $request, $how) {
	my @pairs = $self->items($request);
	my $tokens = tokens_of(@pairs);
	my $model = $request->{model} // '';
	my @data = map {
		'{' . $self->index_of($_) . qq!"object":"score",!
			. qq!"score":$_->[1]}!
	} $self->disturb($how, map {
		my ($v) = vector(seed($model, $pairs[$_]), 1);
		[ $_, sprintf '%.16f', $v + 0.5 ]
	} 0 .. $#pairs);

	return '{"id":"' . $self->id('score-') . '","object":"list",'
		. '"created":1760000000,"model":' . js($model) . ',"data":['
		. join(',', @data) . qq!],"usage":{"prompt_tokens":$tokens,!
		. qq!"total_tokens":$tokens,"completion_tokens":0,!
		. '"prompt_tokens_details":null}}';
}

# the batch endpoint names tokens by their ids if it is asked for these

sub _logprobs($self, $request, $text, $n) {
	return 'null' unless $request->{logprobs};
	return js({ content => [ map { {
		token => $self->_batch() && $request->{return_token_ids}
			? "token_id:$_" : "text of $_",
		logprob => -1, top_logprobs => [] } } token_ids($text, $n) ] });
}

sub _chats($self, $request, $how) {
	my @chats = $self->items($request);
	my %key = map { $_ => $request->{$_} }
		grep { !/^(?:messages|return_token_ids)$/ } keys %$request;
	my $key = js(\%key);
	my $input = tokens_of(@chats);
	my $max = $request->{max_completion_tokens}
		// $request->{max_tokens} // 16;
	my $output = 0;
	my @choices;

	for my $i (0 .. $#chats) {
		my ($text, $n, $cut) = generated(seed($key, $chats[$i]), $max);
		$output += $n;
		push @choices, [ $i, $text, $n, $cut ? 'length' : 'stop' ];
	}

	my @data = map {
		my (undef, $text, $n, $reason) = @$_;
		my $ids = $request->{return_token_ids}
			? js([ token_ids($text, $n) ]) : 'null';

		'{' . $self->index_of($_) . '"message":{"role":"assistant",'
			. '"content":' . js($text) . ',"refusal":null,'
			. '"annotations":null,"audio":null,"function_call":null,'
			. '"tool_calls":[],"reasoning":null},"logprobs":'
			. $self->_logprobs($request, $text, $n) . ','
			. qq!"finish_reason":"$reason","stop_reason":null,!
			. qq!"token_ids":$ids}!
	} $self->disturb($how, @choices);

	return '{"id":"' . $self->id('chatcmpl-') . '",'
		. '"object":"chat.completion","created":1760000000,"model":'
		. js($request->{model} // '') . ',"choices":['
		. join(',', @data) . '],"service_tier":null,'
		. qq!"system_fingerprint":null,"usage":{"prompt_tokens":$input,!
		. '"total_tokens":' . ($input + $output)
		. qq!,"completion_tokens":$output,"prompt_tokens_details":null},!
		. '"prompt_logprobs":null,"kv_transfer_params":null}';
}

1;
