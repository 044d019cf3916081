#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the mocks of servers: that each has the limits, shapes and errors of
# the real one, that answers differ with all that they depend on, and with
# nothing else.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('the servers of the harness');
my $mock = $t->backend();

sub ask ($uri, $body) {
	return $t->client(port => 8081)->request({ uri => $uri,
		body => $body });
}

sub text ($body) { return { content => { parts => [ { text => $body } ] } } }

sub pairs ($n) { return [ map { [ "text $_" ] } 1 .. $n ] }

sub texts ($n) { return [ map { "text $_" } 1 .. $n ] }

# errors: as, URI, body, script, status, what the answer is

my $long = 'x' x 40_000;

for (
	[ '', '/v1/embeddings', { input => [ 'a POISON' ] }, {}, 400,
		qr/^\{"error":\{"code":null,"message":"bad item of 1","param":null,"type":"invalid_request_error"\}\}$/ ],
	[ 'openai', '/v1/embeddings', { input => texts(2049) }, {}, 400,
		qr/'\$\.input' is invalid/ ],
	[ 'openai', '/v1/embeddings', { input => [ 'a', '' ] }, {}, 400,
		qr/'\$\.input' is invalid/ ],
	[ 'openai', '/v1/embeddings', { input => 'x' x 33_000 }, {}, 400,
		qr/maximum context length is 8192 tokens/ ],
	[ 'azure', '/openai/deployments/m/embeddings?api-version=1',
		{ input => [ map { 'x' x 30_000 } 1 .. 41 ] }, {}, 400,
		qr/"code":"max_tokens_per_request","message":"Requested 307541 tokens, max 300000 tokens per request"/ ],
	[ 'mistral', '/v1/embeddings', { input => texts(513) }, {}, 400,
		qr/^\{"code":"3210","message":"Too many inputs in request.*"object":"error"/ ],
	[ 'mistral', '/v1/embeddings', { input => [ ('x' x 30_000) x 3 ] }, {},
		400, qr/"code":"3210","message":"Too many tokens in batch/ ],
	[ 'voyage', '/v1/embeddings', { input => texts(1001) }, {}, 400,
		qr/^\{"detail":"The batch size limit is 1000\./ ],
	[ 'jina', '/v1/embeddings', { input => texts(513) }, {}, 400,
		qr/^\{"detail":/ ],
	[ 'vllm', '/v1/embeddings', { input => 'POISON' }, {}, 400,
		qr/"code":400,.*"type":"BadRequestError"/ ],
	[ 'tei', '/v1/embeddings', { input => texts(33) }, {}, 422,
		qr/^\{"code":422,"message":"batch size 33 > maximum allowed batch size 32","type":"Validation"\}$/ ],
	[ 'llamacpp', '/v1/embeddings', { input => 'POISON' }, {}, 400,
		qr/^\{"error":\{"code":400,"message"/ ],
	[ '', '/embed', { inputs => texts(33) }, {}, 422,
		qr/^\{"error":"batch size 33 > maximum allowed batch size 32","error_type":"Validation"\}$/ ],
	[ '', '/embed', { inputs => [ ($long) x 51 ] }, {}, 422,
		qr/batch size 51/ ],
	[ '', '/embed', { inputs => [ map { $long x 2 } 1 .. 30 ] }, {}, 413,
		qr/length limit exceeded/ ],
	[ '', '/embed', { inputs => [] }, {}, 400,
		qr/^\{"error":"no input","error_type":"Empty"\}$/ ],
	[ '', '/embed', { inputs => [ 'a', '' ] }, {}, 422, qr/cannot be empty/ ],
	[ '', '/embed', { inputs => 'a' }, { status => 429 }, 429,
		qr/"error_type":"Overloaded"/ ],
	[ '', '/embed', { inputs => 'a' }, { status => 424 }, 424,
		qr/"error_type":"Backend"/ ],
	[ '', '/predict', { inputs => pairs(33) }, {}, 422,
		qr/batch size 33 > maximum allowed batch size 32/ ],
	[ '', '/rerank', { query => 'q', texts => texts(33) }, {}, 422,
		qr/batch size 33 > maximum allowed batch size 32/ ],
	[ '', '/api/embed', { model => 'm', input => [ 1, 2 ] }, {}, 400,
		qr/^\{"error":"invalid input type"\}$/ ],
	[ '', '/v2/embed', { input_type => 'x', texts => texts(97) }, {}, 400,
		qr/^\{"id":"\w+","message":"invalid request: total number of texts must be at most 96 - received 97"\}$/ ],
	[ '', '/v2/embed', { texts => texts(1) }, {}, 400,
		qr/input_type parameter is required/ ],
	[ '', '/v2/rerank', { query => 'q', documents => texts(1001) }, {}, 400,
		qr/^\{"id"/ ],
	[ '', '/v1beta/models/m:batchEmbedContents', { requests => [
		map { { model => 'models/m', %{text($_)} } } 1 .. 101 ] }, {},
		400, qr/at most 100 requests can be in one batch.*"status": "INVALID_ARGUMENT"/s ],
	[ '', '/v1beta/models/m:batchEmbedContents', { requests => [
		text('a') ] }, {}, 400, qr/model is required/ ],
	[ '', '/v1beta/models/m:batchEmbedContents', { requests => [
		{ model => 'models/n', %{text('a')} } ] }, {}, 400,
		qr/must match/ ],
	[ '', '/v1beta/models/m:embedContent', text('a'), { status => 429 },
		429, qr/"code": 429.*"status": "RESOURCE_EXHAUSTED"/s ],
	[ '', '/v1/models/m:predict', { instances => [ 'POISON' ] }, {}, 400,
		qr/^\{"error":"bad item of 1"\}$/ ],
	[ '', '/v2/models/m/infer', { inputs => [ { name => 'x',
		shape => [ 3 ], datatype => 'FP32', data => [ 1, 2, 3 ] } ] },
		{ max_batch => 2 }, 400,
		qr/inference request batch-size must be <= 2 for 'm'/ ],
	[ '', '/v2/models/m/infer', { inputs => [ { name => 'x',
		shape => [ 3 ], datatype => 'FP32', data => [ 1, 2 ] } ] }, {},
		400, qr/^\{"error":/ ],
	[ '', '/generate', { text => [ 'a', '' ] }, {}, 400,
		qr/^\{"error":\{"message":"The input text should not be empty\."\}\}$/ ],
	[ '', '/generate', { text => [ 'a', 'b' ], sampling_params => [ {} ] },
		{}, 400, qr/^\{"error":\{"message"/ ],
	[ '', '/completion', { prompt => 'a' }, { status => 503 }, 503,
		qr/"type":"unavailable_error"/ ],
	[ '', '/score', { text_1 => texts(2), text_2 => texts(3) }, {}, 400,
		qr/"type":"BadRequestError"/ ],
	[ '', '/v1/chat/completions/batch', { messages => [ [ {} ] ], n => 2 },
		{}, 400, qr/n must be 1/ ],
	[ '', '/v1/chat/completions/batch', { messages => [ [ {} ] ] },
		{ absent => 404 }, 404, qr/^\{"detail":"Not Found"\}$/ ],
	[ '', '/v1/chat/completions/batch', { messages => [ [ {} ] ] },
		{ absent => 405 }, 405, qr/^\{"detail":"Method Not Allowed"\}$/ ],
) {
	my ($as, $uri, $body, $how, $status, $like) = @$_;

	$mock->as($as);
	$mock->reset();
	$mock->script(%$how);
	my $r = ask($uri, $body);

	ok($r->{status} == $status && $r->{body} =~ $like,
		"$as $uri: $status @{[ substr $like, 6, 50 ]}")
		or diag("$r->{status} " . substr $r->{body}, 0, 300);
}

# answers: as, URI, two bodies, how many elements each, and where

my $x = sub (@shape) {
	my $n = 1;
	$n *= $_ for @shape;
	return { inputs => [ { name => 'x', shape => \@shape,
		datatype => 'FP32', data => [ 1 .. $n ] } ] };
};

for (
	(map { [ $_, '/v1/embeddings', { input => 'a' },
		{ input => [ 'b', 'a' ] }, 'data', 1, 2 ] } '', qw/ openai azure
			vllm sglang llamacpp infinity lmstudio tei mistral
			voyage jina together /),
	[ '', '/v1/completions', { prompt => 'a' },
		{ prompt => [ 'a', 'b' ], n => 3 }, 'choices', 1, 6 ],
	[ 'vllm', '/v1/completions', { prompt => [ 1, 2 ] },
		{ prompt => [ [ 1, 2 ], [ 3 ] ] }, 'choices', 1, 2 ],
	[ '', '/v1/moderations', { input => 'a' },
		{ input => [ 'a', 'b' ] }, 'results', 1, 2 ],
	[ '', '/v1/moderations', { input => [ { text => 'a' },
		{ text => 'b' } ] }, { input => [ 'a' ] }, 'results', 1, 1 ],
	[ '', '/api/embed', { input => 'a' }, { input => [ 'a', 'b' ] },
		'embeddings', 1, 2 ],
	[ '', '/embed', { inputs => 'a' }, { inputs => [ 'a', 'b' ] }, '', 1,
		2 ],
	[ '', '/predict', { inputs => [ [ 'a', 'b' ] ] },
		{ inputs => pairs(3) }, '', 1, 3 ],
	[ '', '/v2/embed', { input_type => 'x', texts => [ 'a' ] },
		{ input_type => 'x', texts => [ 'b', 'a' ] }, 'texts', 1, 2 ],
	[ '', '/v1/rerank', { query => 'q', documents => texts(3) },
		{ query => 'q', documents => texts(3), top_n => 2 }, 'results',
		3, 2 ],
	[ '', '/v1/models/m:predict', { instances => [ 1 ] },
		{ instances => [ [ 1 ], [ 2 ] ] }, 'predictions', 1, 2 ],
	[ '', '/v2/models/m/infer', $x->(1, 2), $x->(4, 2), 'outputs', 2, 2 ],
	[ '', '/generate', { text => [ 'a' ] }, { text => [ 'a', 'b' ] }, '', 1,
		2 ],
	[ '', '/completion', { prompt => [ 'a', 'b' ] },
		{ prompt => [ [ 1 ], 'b', 'c' ] }, '', 2, 3 ],
	[ '', '/score', { text_1 => 'q', text_2 => 'a' },
		{ text_1 => 'q', text_2 => [ 'a', 'b' ] }, 'data', 1, 2 ],
	[ '', '/v1/chat/completions/batch', { messages => [ [ { a => 'b' } ] ] },
		{ messages => [ [ { a => 'b' } ], [ { a => 'c' } ] ] },
		'choices', 1, 2 ],
) {
	my ($as, $uri, $one, $two, $list, @n) = @$_;
	my $name = "$as $uri";

	$mock->as($as);
	$mock->reset();

	my @r = map { ask($uri, $_) } $one, $two;
	is_own_answer(\@r, "$name: own answers");
	is(join(' ', map {
		scalar @{$list eq '' ? $_->{json} : $_->{json}{$list}}
	} @r), "@n", "$name: elements");
	isnt(own_answer_problem($r[0], $two), '',
		"$name: the answer of another is not own") if $n[0] != $n[1];

	# in every byte that tells anything

	(my $broken = $r[0]{body}) =~ s/(\d)(\d\d[,\]}])/($1 + 1) % 10 . $2/e;
	isnt(own_answer_problem({ %{$r[0]}, body => $broken }), '',
		"$name: nor one with another digit") if $broken ne $r[0]{body}
		and $r[0]{body} !~ /choices/;
}

$mock->as('');

# single ones

is(ref ask('/predict', { inputs => 'a' })->{json}[0], 'HASH',
	'predict: labels of a text');
is(ref ask('/predict', { inputs => [ 'a', 'b' ] })->{json}[0], 'HASH',
	'predict: labels of a pair');
is(ref ask('/generate', { text => 'a' })->{json}, 'HASH', 'generate: one');
is(ref ask('/completion', { prompt => [ 'a' ] })->{json}, 'HASH',
	'completion: one');
is(ref ask('/completion', { prompt => [ 1, 'a' ] })->{json}, 'HASH',
	'completion: a mixed one');
is(ref ask('/v1beta/models/m:embedContent', text('a'))->{json}{embedding},
	'HASH', 'embedContent');

# a batch has what single ones have

my ($one, $many) = (ask('/v1beta/models/m:embedContent', text('a')),
	ask('/v1beta/models/m:batchEmbedContents', { requests => [
		{ model => 'models/m', %{text('b')} },
		{ model => 'models/m', %{text('a')} } ] }));
is_deeply($many->{json}{embeddings}[1], $one->{json}{embedding},
	'batchEmbedContents: the same values');

($one, $many) = (ask('/v1/chat/completions', { messages => [ { a => 'b' } ] }),
	ask('/v1/chat/completions/batch', { messages => [ [ { a => 'c' } ],
		[ { a => 'b' } ] ] }));
is_deeply($many->{json}{choices}[1]{message},
	$one->{json}{choices}[0]{message}, 'chat: the same text');

# parameters make a difference

for (
	[ '/v1/completions', { prompt => 'a' }, { temperature => 1 } ],
	[ '/generate', { text => 'a' },
		{ sampling_params => { temperature => 1 } } ],
	[ '/completion', { prompt => 'a' }, { temperature => 1 } ],
	[ '/embed', { inputs => 'a' }, { normalize => \0 } ],
	[ '/v1beta/models/m:embedContent', text('a'), { taskType => 'X' } ],
	[ '/v2/embed', { texts => [ 'a' ], input_type => 'x' },
		{ input_type => 'y' } ],
	[ '/score', { text_1 => 'a', text_2 => 'b' }, { text_1 => 'c' } ],
	[ '/rerank', { query => 'a', documents => [ 'b' ] },
		{ query => 'c' } ],
) {
	my ($uri, $body, $more) = @$_;

	isnt(own_answer_problem(ask($uri, $body), { %$body, %$more }), '',
		"$uri: @{[ %$more ]}");
}

# headers, ids, ids of tokens

my %headers = %{ask('/embed', { inputs => [ 'a', 'bcdef' ] })->{headers}};
is("$headers{'x-compute-tokens'} $headers{'x-compute-characters'}", '3 6',
	'headers of TEI');

$mock->as('openai');
my @r = map { ask('/v1/embeddings', { input => 'a' }) } 1 .. 2;
isnt($r[0]{headers}{'x-request-id'}, $r[1]{headers}{'x-request-id'},
	'ids of requests');
is($r[0]{headers}{'x-ratelimit-remaining-requests'}, 2999, 'rate limits');

$mock->as('vllm');
@r = map { ask('/v1/completions', { prompt => 'abcdefgh',
	return_token_ids => $_ }) } \0, \1;
isnt($r[0]{json}{id}, $r[1]{json}{id}, 'ids of answers');
is($r[0]{json}{choices}[0]{token_ids}, undef, 'no ids of tokens');
is(@{$r[1]{json}{choices}[0]{prompt_token_ids}},
	$r[1]{json}{usage}{prompt_tokens}, 'ids of the tokens of a prompt');
is(@{$r[1]{json}{choices}[0]{token_ids}},
	$r[1]{json}{usage}{completion_tokens}, 'ids of the tokens of a text');

# a script may name the server for one call

$mock->as('');
$mock->next({ as => 'voyage' });
is_deeply(ask('/v1/embeddings', { input => 'a' })->{json}{usage},
	{ total_tokens => 1 }, 'as in a script');

$t->done();
