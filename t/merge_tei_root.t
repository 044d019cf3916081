#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what Text Embeddings Inference has at /, where the body has to tell
# the format and the answer the server: embeddings, classes or ranks are
# merged, and whatever else is there is left alone.  And feature extraction of
# Hugging Face, whose lists are merged.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, tei at /')->has('llm_batch');
my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers, more => 'add_header X-Adapter $llm_batch_adapter;'
		. 'add_header X-Model $llm_batch_model;');
	$t->run();

	embeddings();
	classes();
	ranks();
	others();
	features();

	$t->quit() if $workers == 1;
}

$t->done();


sub header ($name, @r) {
	return join ' ', uniq map { $_->{headers}{"x-$name"} // '' } @r;
}

sub goes_alone ($name, $reason, $uri, $body, %o) {
	my $r = $t->request({ uri => $uri, body => $body, %o });

	is_own_answer($r, $name) if $r->{status} == 200;
	is(header('status', $r) . ' ' . header('reason', $r),
		"BYPASS $reason", "$name: alone");
	return $r;
}

sub embeddings () {
	my @r = meets($t, $mock, '/', 'embeddings', map { { inputs => $_ } }
		'a', [ 'b' ], 'c', [ 'd', 'e', 'f' ], "\x{fc}");
	is(header('adapter', @r), 'tei_embed', 'embeddings: format');
	is(header('status', @r), 'MERGED', 'embeddings: status');

	meets($t, $mock, '/', 'tokens', map { { inputs => $_ } }
		[ 1, 2 ], [ [ 3 ], [ 4, 5 ] ], [ 6 ]);
	meets($t, $mock, '/?a=b', 'options', map { { inputs => "text $_",
		truncate => \1, normalize => \0, dimensions => 4 } } 1 .. 4);
	apart($t, $mock, 'other options', map { { uri => '/', body => {
		inputs => "text $_", normalize => $_ < 4 ? \1 : \0 } } }
		1 .. 4);

	goes_alone('options', 'adapter', '/',
		{ inputs => 'a', options => { wait_for_model => \1 } });
	goes_alone('parameters', 'adapter', '/',
		{ inputs => 'a', parameters => {} });
	goes_alone('an array and a number', 'adapter', '/',
		{ inputs => [ [ 'a' ], 7 ] });
	goes_alone('something else', 'adapter', '/', { prompt => 'a' });
	goes_alone('not JSON', 'json', '/', 'inputs=a');

	# a body that nobody calls JSON is no business of ours

	goes_alone('no type', 'content_type', '/', '{"inputs":"a"}',
		headers => { 'Content-Type' => undef });

	# what would be too much for the server is told by the server

	$mock->reset();
	my $r = $t->request({ uri => '/',
		body => { inputs => [ map { "text $_" } 1 .. 100 ] } });
	is("$r->{status} $r->{json}{error_type}", '422 Validation',
		'too many: its own error');
	is(sizes($mock), '100', 'too many: one call');
}

sub classes () {
	$mock->as('classifier');

	meets($t, $mock, '/', 'sequences', map { { inputs => $_ } }
		[ [ 'a' ], [ 'b', 'c' ] ], [ [ 'd' ] ], [ [ 'e', 'f' ] ]);

	my @r = meets($t, $mock, '/', 'raw scores',
		map { { inputs => $_, raw_scores => \1 } }
		'a', [ 'b', 'c' ], [ [ 'd' ] ], 'e');
	is(header('adapter', @r), 'tei_predict', 'raw scores: format');

	# what looks like a request for embeddings is not answered like one

	$mock->reset();
	@r = $t->plugged($mock, [ map { { uri => '/',
		body => { inputs => $_ } } } 'a', 'b' ]);
	is_own_answer(\@r, 'a pair of two clients');
	is(header('status', @r) . ' ' . header('reason', @r),
		'FALLBACK mismatch', 'a pair of two clients: alone');

	$mock->as('');
}

sub ranks () {
	$mock->as('reranker');

	my @r = meets($t, $mock, '/', 'ranks', map { {
		query => 'q', texts => [ "a $_", "b $_" ], return_text => \1
	} } 1 .. 4);
	is(header('adapter', @r), 'rerank', 'ranks: format');

	$mock->as('');
}

# a server of that sort that is another one

sub others () {
	$mock->as('pipeline');

	my @seen;

	my @inputs = ('a', [ 'b' ], [ 'c', 'd' ]);

	for (1 .. 5) {
		my $of = sub ($i) { { inputs => $inputs[$i] } };

		# who is not understood is soon not asked so any more

		my @r = $_ > 1 ? $t->burst(3, '/', $of)
			: $t->plugged($mock, [ map { { uri => '/',
				body => $of->($_) } } 0 .. 2 ]);

		is_own_answer(\@r, "another server, $_");
		push @seen, map { $_->{headers}{'x-status'} } @r;
	}

	is(scalar(grep { $_ eq 'MERGED' } @seen), 0, 'another server: alone');

	$mock->reset();
	my $r = $t->request({ uri => '/',
		body => { inputs => [ map { "text $_" } 1 .. 100 ] } });
	is_own_answer($r, 'another server, a large array');
	is(sizes($mock), '100', 'another server, a large array: in one piece');

	$mock->as('');
}

sub features () {
	for my $uri (
		'/hf-inference/models/BAAI/bge-m3/pipeline/feature-extraction',
		'/pipeline/feature-extraction/BAAI/bge-m3',
	) {
		my @r = meets($t, $mock, $uri, $uri, map { { inputs => $_ } }
			[ 'a' ], [ 'b', 'c' ], [ 'd' ]);
		is(header('model', @r), 'BAAI/bge-m3', "$uri: model");

		cuts($t, $mock, $uri, "$uri, cut",
			{ inputs => [ map { "text $_" } 1 .. 6 ] });

		# a vector, or a list of one?  who knows

		goes_alone("$uri, a text", 'item', $uri, { inputs => 'a' });
	}
}
