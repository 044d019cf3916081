#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of the /predict of Text Embeddings Inference: ["a", "b"] is a
# pair, and a single sequence is answered with its labels, not a list of them.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, predict')->has('llm_batch');
my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers);
	$t->run();

	merges($t, $mock, '/predict', sub (@texts) {
		{ inputs => @texts > 1 ? [ map { [ $_ ] } @texts ]
			: $texts[0] }
	});
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub more ($workers) {
	my $uri = '/predict';

	my @r = meets($t, $mock, $uri, 'pairs and others', map {
		{ inputs => $_ }
	} 'good', [ 'q', 'd' ], [ [ 'x' ], [ 'y' ] ], [ 'alone' ],
		[ [ 'one of one' ] ], [ [ 'q', 'e' ], [ 'z' ] ]);

	is(join(' ', map { ref $_->{json}[0] } @r),
		'HASH HASH ARRAY HASH ARRAY ARRAY', 'each has its shape');

	meets($t, $mock, $uri, 'raw scores', map {
		{ inputs => "text $_", raw_scores => \1 }
	} 1 .. 3);

	cuts($t, $mock, $uri, 'cut, pairs and others', { inputs => [
		map { $_ % 2 ? [ "a $_" ] : [ "b $_", "c $_" ] } 1 .. 6 ] });

	# one bad sequence

	$mock->reset();
	@r = $t->plugged($mock, [ map { { uri => $uri, body =>
		{ inputs => $_ } } } 'a', [ 'b', 'POISON' ], [ [ 'c' ] ] ]);
	is_own_answer([ @r[0, 2] ], 'a bad one: the others');
	is("$r[1]{status} $r[1]{json}{error}", '400 bad item of 1',
		'a bad one');
}
