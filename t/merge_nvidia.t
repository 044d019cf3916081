#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of /v1/ranking of NVIDIA's NIM: passages of clients who ask the
# same are ranked in one call, and each client's come by score.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, nvidia')->has('llm_batch');
my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers);
	$t->run();

	merges($t, $mock, '/v1/ranking', sub (@texts) {
		{ model => 'm', query => { text => 'q' },
			passages => [ map { { text => $_ } } @texts ] }
	}, cut => 0);
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub of ($n, %more) {
	return { model => 'm', query => { text => 'q' }, truncate => 'END',
		passages => [ map { { text => "passage $n $_" } } 1 .. $n ],
		%more };
}

sub more ($workers) {
	for my $uri ('/v1/ranking', '/v1/retrieval/nvidia/m/reranking') {
		my @r = meets($t, $mock, $uri, $uri, map { of($_) } 2 .. 5);
		is_deeply([ map { scalar @{$_->{json}{rankings}} } @r ],
			[ 2 .. 5 ], "$uri: all");
	}

	apart($t, $mock, 'another question', map { { uri => '/v1/ranking',
		body => of(2, query => { text => $_ < 4 ? 'q' : 'what' }) } }
		1 .. 4);

	# an answer that lacks one

	$mock->reset();
	$mock->script(many => { count => -1 });
	my @r = $t->plugged($mock, [ map { { uri => '/v1/ranking',
		body => of(1) } } 1 .. 3 ]);
	is_own_answer(\@r, 'one is missing');
	is(join(' ', map { $_->{headers}{'x-status'} } @r),
		'FALLBACK FALLBACK FALLBACK', 'one is missing: alone');
	$mock->reset();
}
