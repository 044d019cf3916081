#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of /embedding of llama.cpp's server, and of /embeddings to
# bodies that are not OpenAI's.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, llamacpp embeddings')->has('llm_batch');
my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers);
	$t->run();

	merges($t, $mock, '/embedding', sub (@texts) {
		{ content => @texts > 1 ? \@texts : $texts[0] }
	});
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub more ($workers) {
	my $uri = '/embedding';

	my @r = meets($t, $mock, $uri, 'shapes', map { { content => $_ } }
		'a', [ 'b' ], [ 'c', 'd' ], 'e');
	is(join(' ', map { $_->{index} } map { @{$_->{json}} } @r),
		'0 0 0 1 0', 'indexes');

	meets($t, $mock, $uri, 'tokens', map { { content => $_ } }
		[ 1, 2 ], [ [ 3 ], [ 4, 5 ] ]);
	meets($t, $mock, $uri, 'input', map { { input => $_ } }
		'a', [ 'b', 'c' ]);
	cuts($t, $mock, $uri, 'cut', {
		content => [ map { "text $_" } 1 .. 6 ] });
	apart($t, $mock, 'another norm', map { { uri => $uri, body => {
		content => "text $_", embd_normalize => $_ < 4 ? 2 : -1 } } }
		1 .. 4);

	# OpenAI's path

	$mock->as('content');
	meets($t, $mock, '/v1/embeddings', 'OpenAI\'s path',
		map { { content => "text $_" } } 1 .. 4);
	$mock->as('');
	meets($t, $mock, '/v1/embeddings', 'OpenAI\'s body',
		map { { model => 'm', input => "text $_" } } 1 .. 4);

	# a bad one

	$mock->reset();
	@r = $t->plugged($mock, [ map { { uri => $uri,
		body => { content => $_ } } } 'a', 'POISON', 'c' ]);
	is_own_answer([ @r[0, 2] ], 'a bad one: the others');
	is("$r[1]{status} $r[1]{json}{error}{code}", '400 400', 'a bad one');
}
