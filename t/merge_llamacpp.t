#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of /completion of llama.cpp's server, off unless it is named:
# one prompt is answered with an object, even if it came in a list.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, llamacpp')->has('llm_batch');
my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers, adapter => 'llamacpp_completion');
	$t->run();

	merges($t, $mock, '/completion', sub (@texts) {
		{ n_predict => 8,
			prompt => @texts > 1 ? \@texts : $texts[0] }
	});
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub more ($workers) {
	my $uri = '/completion';

	my @r = meets($t, $mock, $uri, 'shapes', map { { prompt => $_ } }
		'a', [ 'b' ], [ 'c', 'd' ], 'e', [ 'f', 'g', 'h' ]);
	is(join(' ', map { ref $_->{json} } @r),
		'HASH HASH ARRAY HASH ARRAY', 'each has its shape');
	is(join(' ', map { $_->{index} } @{$r[4]{json}}), '0 1 2', 'indexes');

	meets($t, $mock, $uri, 'tokens', map { { prompt => $_ } }
		[ 1, 2 ], [ [ 3 ], [ 4, 5 ] ]);

	cuts($t, $mock, $uri, 'cut', { n_predict => 4,
		prompt => [ map { "text $_" } 1 .. 6 ] });
	cuts($t, $mock, $uri, 'cut, tokens', {
		prompt => [ map { [ $_, 2 ] } 1 .. 6 ] });

	# numbers and texts in one array are one prompt

	my $r = $t->request({ uri => $uri,
		body => { prompt => [ 1, 'a', 2 ] } });
	is_own_answer($r, 'a mixed prompt');
	is($r->{headers}{'x-status'}, 'BYPASS', 'a mixed prompt: alone');

	for ({ id_slot => 1 }, { n_cmpl => 2 }, { stream => \1 }) {
		$r = $t->request({ uri => $uri,
			body => { prompt => 'a', %$_ } });
		is($r->{headers}{'x-status'}, 'BYPASS', (keys %$_)[0]);
	}

	# a bad one

	$mock->reset();
	@r = $t->plugged($mock, [ map { { uri => $uri,
		body => { prompt => $_ } } } 'a', 'POISON', 'c' ]);
	is_own_answer([ @r[0, 2] ], 'a bad one: the others');
	is("$r[1]{status} $r[1]{json}{error}{code}", '400 400', 'a bad one');

	# under "auto" each goes alone

	is_off($t, $uri, { prompt => 'a' }) if $workers == 1;
}
