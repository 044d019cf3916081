#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of /rerank: documents of clients who ask the same are ranked
# in one call, and each client's come by score, as many as it wants.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, rerank')->has('llm_batch');
my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers);
	$t->run();

	merges($t, $mock, '/v1/rerank', sub (@texts) {
		{ model => 'm', query => 'q', documents => \@texts }
	}, cut => 0);
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub of ($n, %more) {
	return { model => 'm', query => 'q',
		documents => [ map { "document $n $_" } 1 .. $n ], %more };
}

sub more ($workers) {
	for (
		[ '', '/v1/rerank' ], [ 'vllm', '/rerank' ],
		[ 'infinity', '/rerank' ], [ '', '/v2/rerank' ],
	) {
		my ($as, $uri) = @$_;

		$mock->as($as);

		my @r = meets($t, $mock, $uri, "$as $uri",
			map { of($_) } 2 .. 5);
		is_deeply([ map { scalar @{$_->{json}{results}} } @r ],
			[ 2 .. 5 ], "$as $uri: all");

		@r = meets($t, $mock, $uri, "$as $uri, the best",
			map { of($_, top_n => $_ - 1, return_documents => \1) }
				2 .. 5);
		is_deeply([ map { scalar @{$_->{json}{results}} } @r ],
			[ 1 .. 4 ], "$as $uri: the best");
	}

	# Voyage, who has another name for the list

	$mock->as('voyage');

	my @v = meets($t, $mock, '/v1/rerank', 'voyage',
		map { of($_, return_documents => \1) } 2 .. 5);
	is_deeply([ map { scalar @{$_->{json}{data}} } @v ], [ 2 .. 5 ],
		'voyage: all');

	@v = $t->burst(4, '/v1/rerank', sub ($i) { of($i + 2, top_k => 2) });
	is_own_answer(\@v, 'voyage, the best');
	is(join(' ', uniq map { $_->{headers}{'x-status'} } @v), 'BYPASS',
		'voyage, the best: alone');

	$mock->as('');

	# objects

	meets($t, $mock, '/v1/rerank', 'objects', map {
		{ query => 'q', documents => [ { text => "a $_" },
			{ text => "b $_" } ] }
	} 1 .. 3);

	# of Text Embeddings Inference

	meets($t, $mock, '/rerank', 'tei', map {
		{ query => 'q', texts => [ "a $_", "b $_" ],
			return_text => \1 }
	} 1 .. 4);

	# another question, another call

	apart($t, $mock, 'another question', map { { uri => '/v1/rerank',
		body => of(2, query => $_ < 4 ? 'q' : 'what') } } 1 .. 4);

	# an answer that lacks one

	$mock->reset();
	$mock->script(many => { count => -1 });
	my @r = $t->plugged($mock, [ map { { uri => '/v1/rerank',
		body => { model => 'm', query => 'q',
			documents => [ "single $_" ] } } } 1 .. 3 ]);
	is_own_answer(\@r, 'one is missing');
	is(join(' ', uniq map { $_->{headers}{'x-status'} } @r), 'FALLBACK',
		'one is missing: nobody gets the others');
	$mock->reset();
}
