#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of OpenAI embeddings, which goes by index: that requests which
# meet make one call, over all workers, and that each client gets exactly what
# it would have got alone: its own items, indexes from 0, its own usage.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;

use Test::LLMBatch;
use Test::LLMBatch::JSON;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, openai')->has('llm_batch');

my $mock = $t->backend();
my $uri = '/v1/embeddings';

for my $workers (1, 4) {
	merge_conf($t, $workers);
	$t->run();

	merges($t, $mock, $uri, sub (@texts) {
		{ model => 'm', input => @texts > 1 ? \@texts : $texts[0] }
	});
	formats();
	servers();

	$t->quit() if $workers == 1;
}

$t->done();


sub formats {
	my $sizes = sub { join ' ', map { $_->{items} } $mock->calls() };
	my $with = sub ($input, %more) {
		{ uri => $uri,
			body => { model => 'm', input => $input, %more } }
	};

	# arrays of tokens, whose usage is exact

	$mock->reset();
	my @r = $t->plugged($mock, [ $with->([ 1, 2, 3 ]),
		$with->([ [ 4 ], [ 5, 6 ] ]), $with->([ 7 ]) ]);
	is_own_answer(\@r, 'tokens');
	is($sizes->(), '1 4', 'tokens: one call');

	# base64

	my @base64 = map {
		$with->("text $_", encoding_format => 'base64',
			dimensions => 12)
	} 1 .. 4;

	$mock->reset();
	@r = $t->plugged($mock, \@base64);
	is_own_answer(\@r, 'base64');
	is($sizes->(), '1 4', 'base64: one call');

	# members nobody knows are sent on

	$mock->reset();
	@r = $t->plugged($mock, [ map {
		$with->("text $_", x_new => { deep => [ 1.50, 'x' ] })
	} 1 .. 3 ]);
	is_own_answer(\@r, 'unknown member');
	is($sizes->(), '1 3', 'unknown member: one call');
	is_deeply([ map {
		decode_json($_->{body})->{x_new}{deep}[0]
	} $mock->calls() ], [ 1.5, 1.5 ], 'unknown member is in the call');

	$mock->reset();
}

# all who speak it, with members and counts of their own

sub servers {
	for my $as (qw/ openai azure vllm sglang llamacpp infinity lmstudio tei
		mistral voyage jina together /)
	{
		my $where = $as eq 'azure'
			? '/openai/deployments/m/embeddings?api-version=1'
			: $uri;

		$mock->as($as);
		my @r = meets($t, $mock, $where, $as, map {
			{ model => 'm', input => [ map { "text $_" } 1 .. $_ ] }
		} 1 .. 5);

		is(uniq(map { $_->{json}{id} } @r), 5, "$as: own ids")
			if $as =~ /^(?:vllm|infinity|mistral)$/;
	}

	# objects

	$mock->as('jina');
	meets($t, $mock, $uri, 'objects', map { { model => 'm',
		input => [ { text => "a $_" }, { image => "b $_" } ] } } 1 .. 3);
	$mock->as('');
}
