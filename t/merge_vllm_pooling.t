#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of /pooling and /classify of vLLM, and of the /classify of Jina
# and of Infinity, which gives no positions.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, pooling and classify')->has('llm_batch');
my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers);
	$t->run();

	merges($t, $mock, '/pooling', sub (@texts) {
		{ model => 'm', input => @texts > 1 ? \@texts : $texts[0] }
	});
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub more ($workers) {
	for (
		[ '', '/pooling' ], [ '', '/classify' ], [ 'jina', '/v1/classify' ],
		[ 'infinity', '/classify' ],
	) {
		my ($as, $uri) = @$_;

		$mock->as($as);

		meets($t, $mock, $uri, "$as $uri", map { {
			model => 'm', labels => [ 'a', 'b' ], input => $_
		} } 'a', [ 'b' ], [ 'c', 'd' ], 'e', [ 'f', 'g', 'h' ]);
		cuts($t, $mock, $uri, "$as $uri, cut", { model => 'm',
			input => [ map { "text $_" } 1 .. 6 ] });
		apart($t, $mock, "$as $uri, other labels", map { { uri => $uri,
			body => { model => 'm', input => "text $_",
				labels => [ $_ < 4 ? 'a' : 'b' ] } } } 1 .. 4);

		# an answer that lacks one

		$mock->reset();
		$mock->script(many => { count => -1 });
		my @r = $t->plugged($mock, [ map { { uri => $uri,
			body => { model => 'm', input => "single $_" } } }
			1 .. 3 ]);
		is_own_answer(\@r, "$as $uri, one is missing");
		$mock->reset();
	}

	$mock->as('jina');
	meets($t, $mock, '/classify', 'objects', map { { labels => [ 'a', 'b' ],
		input => [ { text => "a $_" }, { text => "b $_" } ] } } 1 .. 3);
	$mock->as('');

	meets($t, $mock, '/pooling', 'tokens', map { { input => $_ } }
		[ 1, 2 ], [ [ 3 ], [ 4, 5 ] ]);

	for ({ request_id => 'x' }, { encoding_format => 'bytes' },
		{ messages => [] })
	{
		my $r = $t->request({ uri => '/pooling',
			body => { input => 'a', %$_ } });
		is("$r->{headers}{'x-status'} $r->{headers}{'x-reason'}",
			'BYPASS adapter', (keys %$_)[0]);
	}
}
