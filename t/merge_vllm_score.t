#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of vLLM's /score: pairs, so that clients with different queries
# share a call; a query for several texts is repeated.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, score')->has('llm_batch');
my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers);
	$t->run();

	merges($t, $mock, '/v1/score', sub (@texts) {
		{ model => 'm', text_1 => "query $texts[0]",
			text_2 => @texts > 1 ? \@texts : $texts[0] }
	});
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub more ($workers) {
	my $uri = '/score';

	for ([ qw/ text_1 text_2 / ], [ qw/ queries documents / ],
		[ qw/ queries items / ], [ qw/ data_1 data_2 / ])
	{
		my ($one, $other) = @$_;

		meets($t, $mock, $uri, "$one, $other", map {
			{ model => 'm', $one => $_->[0], $other => $_->[1] }
		} [ 'q', 'd' ], [ 'q', [ 'd', 'e' ] ],
			[ [ 'a', 'b' ], [ 'c', 'd' ] ], [ [ 'q' ], [ 'x', 'y' ] ]);
	}

	# names of two kinds never share a call

	apart($t, $mock, 'other names', (map { { uri => $uri,
		body => { text_1 => "q $_", text_2 => 'd' } } } 1 .. 3),
		{ uri => $uri, body => { queries => 'q', documents => 'd' } });

	cuts($t, $mock, $uri, 'cut, pairs', {
		text_1 => [ map { "q $_" } 1 .. 6 ],
		text_2 => [ map { "d $_" } 1 .. 6 ] });

	# a query for many is not sent for each of them, but for each call

	my $query = 'q' x 300;

	cuts($t, $mock, $uri, 'cut, one query', { text_1 => $query,
		text_2 => [ map { "d $_" } 1 .. 6 ] });
	is((grep { 1 < (() = $_->{body} =~ /$query/g) } $mock->calls()), 0,
		'cut, one query: once in each');

	# nor if that multiplies what has to be sent

	for my $n (10, 300) {
		my $body = { text_1 => 'q' x 4000, text_2 => [ ('a') x $n ] };

		$mock->reset();
		my $r = $t->request({ uri => "/four$uri", body => $body });
		is_own_answer($r, "$n documents: own answer");
		is("$r->{headers}{'x-status'} $r->{headers}{'x-reason'}",
			'BYPASS body_size', "$n documents: alone");
		is(sizes($mock), $n, "$n documents: one call");
	}

	# lengths that do not fit

	my $r = $t->request({ uri => $uri, body => {
		text_1 => [ 'a', 'b' ], text_2 => [ 'c', 'd', 'e' ] } });
	is("$r->{headers}{'x-status'} $r->{headers}{'x-reason'}",
		'BYPASS item', 'lengths that differ');
}
