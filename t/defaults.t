#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards members that have their documented default: requests with them and
# without share a call, which has none of them, and one whose default differs
# between servers separates.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::JSON;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('defaults')->has('llm_batch');
my $mock = $t->backend();

merge_conf($t, 2);
$t->run();

my %cohere = (model => 'm', input_type => 'search_query');

for (
	[ '/v1/embeddings', { model => 'm', input => 'text' },
		{ encoding_format => 'float' } ],
	[ '/api/embed', { model => 'm', input => 'text' },
		{ truncate => \1 } ],
	[ '/embed', { inputs => 'text' },
		{ normalize => \1, truncation_direction => 'right',
			prompt_name => undef, dimensions => undef } ],
	[ '/predict', { inputs => 'text' },
		{ raw_scores => \0, truncation_direction => 'right' } ],
	[ '/v2/embed', { %cohere, texts => [ 'text' ] },
		{ embedding_types => [ 'float' ], truncate => 'END' } ],
	[ '/rerank', { query => 'q', texts => [ 'text' ] },
		{ raw_scores => \0, return_text => \0,
			truncation_direction => 'right' } ],
) {
	my ($uri, $body, $defaults) = @$_;
	my @names = sort keys %$defaults;

	meets($t, $mock, $uri, "$uri: defaults", $body, { %$body, %$defaults },
		(map { { %$body, $_ => $defaults->{$_} } } @names), $body);

	my $sent = decode_json(($mock->calls())[-1]{body});
	is(join(' ', grep { exists $sent->{$_} } @names), '',
		"$uri: they are not sent in a call");
}

# alone, a request is sent as it is

$mock->reset();
$t->request({ uri => '/v1/embeddings', body => { model => 'm',
	input => 'alone', encoding_format => 'float' } });
is(decode_json(($mock->calls())[-1]{body})->{encoding_format}, 'float',
	'alone: sent as it is');

# what is no default everywhere, or not the default

for (
	[ '/embed', { inputs => 'text' }, truncate => \0 ],
	[ '/embed', { inputs => 'text' }, truncate => \1 ],
	[ '/embed', { inputs => 'text' }, normalize => \0 ],
	[ '/v1/embeddings', { model => 'm', input => 'text' },
		encoding_format => 'base64' ],
	[ '/v1/embeddings', { model => 'm', input => 'text' }, user => undef ],
	[ '/v2/embed', { %cohere, texts => [ 'text' ] },
		embedding_types => [ 'float', 'int8' ] ],
	[ '/v1/rerank', { query => 'q', documents => [ 'text' ] },
		return_documents => \0 ],
) {
	my ($uri, $body, $name, $value) = @$_;

	apart($t, $mock, "$uri, $name", map { {
		uri => $uri, body => { %$body, $_ < 4 ? () : ($name => $value) }
	} } 1 .. 4);
}

$t->done();
