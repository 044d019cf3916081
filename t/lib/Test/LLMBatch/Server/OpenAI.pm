package Test::LLMBatch::Server::OpenAI;

# Copyright (C) The ngx_http_llm_batch_module authors

# /v1/embeddings, /v1/completions and /v1/moderations of OpenAI and of those
# who follow it: as => "openai" (with its limits and headers), "azure",
# "vllm", "sglang", "llamacpp", "infinity", "lmstudio", "tei", "mistral",
# "voyage", "jina", "together".  Without a name there are no limits.

use v5.36;

use parent 'Test::LLMBatch::Server';

use Encode qw/ encode_utf8 /;
use List::Util qw/ sum0 /;

use Test::LLMBatch::Server qw/ base64 floats generated is_number js seed
	token_ids tokens_of vector /;

# items, tokens an item, tokens a call

my %limits = (
	openai => [ 2048, 8192, 300000 ], azure => [ 2048, 8192, 300000 ],
	mistral => [ 512, 8192, 16384 ], voyage => [ 1000, 32000, 120000 ],
	jina => [ 512, 8192 ], tei => [ 32 ], infinity => [ 2048 ],
);

my @categories = qw/ harassment hate self-harm sexual violence /;


sub _what($self) { return $self->{path} =~ m!/([a-z]+)$! ? $1 : '' }

sub items($self, $request) {
	return unless ref $request eq 'HASH';

	my $what = $self->_what();
	my $input = $request->{$what eq 'completions' ? 'prompt' : 'input'};

	return unless defined $input;
	return $input unless ref $input;
	return unless ref $input eq 'ARRAY' and @$input;
	return $input if is_number($input->[0]);

	if (grep { ref eq 'HASH' } @$input) {

		# one input of several modalities

		return $input if $what eq 'moderations';
		return unless $self->{as} eq 'jina';
	}

	return map { $_ // '' } @$input;
}

sub tokens($self, $request) {
	my @items = $self->items($request);

	# characters, that is

	return sum0 map { ref ? scalar @$_ : length } @items
		if $self->{as} eq 'infinity';

	return tokens_of(@items);
}

sub columns($self, $request) {
	return $self->_what() eq 'completions' ? 'prompt' : 'input';
}

# objects stand in an array only

sub one($self, $request) {
	my $input = $request->{input};

	return { %$request, input => [ $input->[0] ] }
		if ref $input eq 'ARRAY' and ref $input->[0] eq 'HASH';
	return $self->SUPER::one($request);
}

sub counts($self) {
	return qw/ prompt_tokens completion_tokens total_tokens /;
}

sub exact($self, $request) {
	return 0 if $self->_what() eq 'completions'
		or $self->{as} eq 'infinity';
	return $self->SUPER::exact($request);
}


# errors

sub error($self, $status, $message, %more) {
	my $as = $self->{as};
	my $code = $more{code};
	my $type = $more{type} // 'invalid_request_error';

	return js({ detail => $message }) if $as =~ /^(?:voyage|jina)$/;
	return js({ object => 'error', message => $message, type => $type,
		param => undef, code => $code // '3000' }) if $as eq 'mistral';
	return js({ message => $message, code => $status,
		type => 'Validation' }) if $as eq 'tei';
	return js({ error => { code => $status, message => $message,
		type => $type } }) if $as eq 'llamacpp';
	return js({ object => 'error', message => $message,
		type => 'BadRequest', param => undef, code => $status })
		if $as eq 'sglang';
	return js({ error => { message => $message, type => 'BadRequestError',
		param => undef, code => $status } }) if $as eq 'vllm';
	return js({ error => { message => $message, type => $type,
		param => $more{param}, code => $code } });
}

sub refuse($self, $request, $how) {
	my $as = $self->{as};
	my $what = $self->_what();
	my @items = $self->items($request);
	my $n = @items;
	my ($max_items, $max_item, $max_call) = @{$limits{$as} // []};

	return 400, $self->error(400, "'\$.input' is invalid. Please check the"
		. ' API reference: https://platform.openai.com/docs/api-reference.')
		if grep { ref ? !@{ref eq 'ARRAY' ? $_ : [ 1 ]} : $_ eq '' }
			@items and $as =~ /^(?:openai|azure)$/;

	return if $what ne 'embeddings';

	if ($n > ($max_items // $n)) {
		return 422, $self->error(422, "batch size $n > maximum"
			. " allowed batch size $max_items") if $as eq 'tei';
		return 400, $self->error(400, 'Too many inputs in request,'
			. ' split into more batches.',
			type => 'invalid_request_prompt', code => '3210')
			if $as eq 'mistral';
		return 400, $self->error(400, "'\$.input' is invalid. Please"
			. ' check the API reference:'
			. ' https://platform.openai.com/docs/api-reference.')
			if $as =~ /^(?:openai|azure)$/;
		return 400, $self->error(400, 'The batch size limit is'
			. " $max_items. Your batch size is $n.");
	}

	my ($longest) = sort { $b <=> $a } map { tokens_of($_) } @items;
	my $sum = tokens_of(@items);

	if ($longest > ($max_item // $longest)) {
		return 400, $self->error(400, "This model's maximum context"
			. " length is $max_item tokens, however you requested"
			. " $longest tokens ($longest in your prompt; 0 for"
			. ' the completion). Please reduce your prompt; or'
			. ' completion length.');
	}

	if ($sum > ($max_call // $sum)) {
		return 400, $self->error(400, 'Too many tokens in batch. Max'
			. " is $max_call got $sum",
			type => 'invalid_request_prompt', code => '3210')
			if $as eq 'mistral';
		return 400, $self->error(400, "Requested $sum tokens, max"
			. " $max_call tokens per request",
			type => 'max_tokens_per_request',
			code => 'max_tokens_per_request');
	}

	return;
}

sub headers($self, $request) {
	return {} unless $self->{as} =~ /^(?:openai|azure)$/;

	return { 'x-request-id' => $self->id('req_'),
		'openai-processing-ms' => 17, 'openai-version' => '2020-10-01',
		'openai-organization' => 'org-mock',
		'x-ratelimit-limit-requests' => 3000,
		'x-ratelimit-limit-tokens' => 1000000,
		'x-ratelimit-remaining-requests' => 2999,
		'x-ratelimit-remaining-tokens' =>
			1000000 - $self->tokens($request),
		'x-ratelimit-reset-requests' => '20ms',
		'x-ratelimit-reset-tokens' => '6m0s' };
}


# answers

sub answer($self, $request, $how) {
	my $what = $self->_what();

	return $self->_completions($request, $how) if $what eq 'completions';
	return $self->_embeddings($request, $how) if $what eq 'embeddings';
	return $self->_moderations($request, $how);
}

sub _embedding($self, $request, $item, $how) {
	my $n = $request->{dimensions} // $request->{output_dimension};
	my @v = vector(seed($request->{model} // '', $item), $n || 8);
	my $base64 = ($request->{encoding_format} // '') eq 'base64'
		&& !$how->{floats} && $self->{as} !~ /^(?:lmstudio|sglang)$/;

	return $base64 ? base64(@v) : floats(@v);
}

sub _embeddings($self, $request, $how) {
	my $as = $self->{as};
	my @items = $self->items($request);
	my $tokens = $self->tokens($request);
	my $model = js($request->{model} // '');
	my $last = $as =~ /^(?:voyage|infinity)$/;
	my $format = $as eq 'llamacpp'
		&& ($request->{encoding_format} // '') eq 'base64'
		? '"encoding_format":"base64",' : '';

	my @data = map {
		my $index = $self->index_of($_);
		my $e = qq!"embedding":$_->[1]!;

		$e = $last ? "$e,$index" =~ s/,$//r : "$index$format$e";
		qq!{"object":"embedding",$e}!;
	} $self->disturb($how, map {
		[ $_, $self->_embedding($request, $items[$_], $how) ]
	} 0 .. $#items);

	my $data = '"data":[' . join(',', @data) . ']';
	my $usage = qq!"usage":{"prompt_tokens":$tokens,!
		. qq!"total_tokens":$tokens}!;
	my $id = sub ($prefix) { '"id":"' . $self->id($prefix) . '"' };

	return qq!{"object":"list",$data,"model":$model,!
		. qq!"usage":{"total_tokens":$tokens}}! if $as eq 'voyage';
	return qq!{"model":$model,"object":"list","usage":{"total_tokens":!
		. qq!$tokens,"prompt_tokens":$tokens},$data}! if $as eq 'jina';
	return qq!{"object":"list",$data,"model":$model}!
		if $as eq 'together';
	return '{' . $id->('embd-') . ',"object":"list","created":1760000000,'
		. qq!"model":$model,$data,"usage":{"prompt_tokens":$tokens,!
		. qq!"total_tokens":$tokens,"completion_tokens":0,!
		. '"prompt_tokens_details":null}}' if $as eq 'vllm';
	return '{' . $id->('') . qq!,"object":"list",$data,"model":$model,!
		. qq!"usage":{"prompt_audio_seconds":null,"prompt_tokens":!
		. qq!$tokens,"total_tokens":$tokens,"completion_tokens":0,!
		. '"request_count":null,"prompt_tokens_details":null}}'
		if $as eq 'mistral';
	return qq!{"object":"list",$data,"model":$model,$usage,!
		. $id->('infinity-') . ',"created":1760000000}'
		if $as eq 'infinity';

	return qq!{"object":"list",$data,"model":$model,$usage}!;
}

sub _completions($self, $request, $how) {
	my @prompts = $self->items($request);
	my $n = $request->{n} // 1;
	my $vllm = $self->{as} eq 'vllm';
	my %key = map { $_ => $request->{$_} }
		grep { !/^(?:prompt|n|return_token_ids)$/ } keys %$request;
	my $key = js(\%key);
	my ($prompt_tokens, $tokens) = (tokens_of(@prompts), 0);
	my @choices;

	for my $i (0 .. $#prompts) {
		for my $j (0 .. $n - 1) {
			my ($text, $count, $cut) = generated(
				seed("$key $j", $prompts[$i]),
				$request->{max_tokens} // 16);
			$tokens += $count;
			push @choices, [ $i * $n + $j, $prompts[$i], $text,
				$count, $cut ? 'length' : 'stop' ];
		}
	}

	my @data = map {
		'{' . $self->index_of($_)
			. $self->_choice($request, $vllm, @$_[1 .. 4]) . '}'
	} $self->disturb($how, @choices);

	return '{"id":"' . $self->id('cmpl-') . '","object":"text_completion",'
		. '"created":1760000000,"model":' . js($request->{model} // '')
		. ',"choices":[' . join(',', @data) . '],"usage":{'
		. qq!"prompt_tokens":$prompt_tokens,! . ($vllm
			? '"total_tokens":' . ($prompt_tokens + $tokens)
				. qq!,"completion_tokens":$tokens,!
				. '"prompt_tokens_details":null}}'
			: qq!"completion_tokens":$tokens,"total_tokens":!
				. ($prompt_tokens + $tokens) . '}}');
}

sub _choice($self, $request, $vllm, $prompt, $text, $count, $reason) {
	my $ids = $request->{return_token_ids};
	my ($of_prompt, $of_text) = ('null', 'null');

	if ($ids) {
		my @ids = ref $prompt ? @$prompt
			: token_ids($prompt, tokens_of($prompt));
		$of_prompt = js(\@ids);
		$of_text = js([ token_ids($text, $count) ]);
	}

	my $logprobs = !defined $request->{logprobs} ? 'null'
		: js({ tokens => [ $text ], token_logprobs => [ -0.5 ],
			top_logprobs => undef, text_offset => [ 0 ] });

	# with ids, vLLM repeats no prompt

	$text = $prompt . $text if $request->{echo} and !ref $prompt
		and !($vllm and $ids);
	$text = '"text":' . js($text) . ",";

	return qq!$text"logprobs":$logprobs,"finish_reason":"$reason",!
		. qq!"stop_reason":null,"token_ids":$of_text,!
		. qq!"prompt_logprobs":null,"prompt_token_ids":$of_prompt!
		if $vllm;

	return qq!$text"finish_reason":"$reason","logprobs":$logprobs!;
}

sub _moderations($self, $request, $how) {
	my @items = $self->items($request);
	my $model = $request->{model} // 'omni-moderation-latest';
	my @results = map { $_->[1] } $self->disturb($how, map {
		[ $_, $self->_moderation($model, $items[$_]) ]
	} 0 .. $#items);

	return '{"id":"' . $self->id('modr-') . '","model":' . js($model)
		. ',"results":[' . join(',', @results) . ']}';
}

sub _moderation($self, $model, $item) {
	my @scores = map { abs } vector(seed($model, $item),
		scalar @categories);
	my @flags = map { $_ > 0.4 ? 'true' : 'false' } @scores;
	my $of = sub (@values) {
		return '{' . join(',', map {
			qq!"$categories[$_]":$values[$_]!
		} 0 .. $#values) . '}';
	};
	my $categories = '"categories":' . $of->(@flags)
		. ',"category_scores":'
		. $of->(map { sprintf '%.16f', $_ } @scores);

	return "{$categories}" if $self->{as} eq 'mistral';
	return '{"flagged":' . ("@flags" =~ /true/ ? 'true' : 'false')
		. ",$categories,\"category_applied_input_types\":"
		. $of->(('["text"]') x @scores) . '}';
}

1;
