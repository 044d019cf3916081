#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of texts that models of Cloudflare's Workers AI embed, whose
# answer tells how many vectors it has: each client is told its own number.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, cloudflare')->has('llm_batch');
my $mock = $t->backend();

my $models = '/client/v4/accounts/a/ai/run/@cf';

for my $workers (1, 4) {
	merge_conf($t, $workers);
	$t->run();

	merges($t, $mock, "$models/baai/bge-base-en-v1.5", sub (@texts) {
		{ text => @texts > 1 ? \@texts : $texts[0] }
	});
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub more ($workers) {
	my $uri = "$models/baai/bge-m3";

	my @r = meets($t, $mock, $uri, 'shapes', map { { text => $_ } }
		'a', [ 'b' ], [ 'c', 'd' ], 'e', [ 'f', 'g', 'h' ]);
	is(join(' ', map { $_->{json}{result}{shape}[0] } @r), '1 1 2 1 3',
		'own numbers');

	cuts($t, $mock, $uri, 'cut',
		{ text => [ map { "text $_" } 1 .. 6 ] });
	meets($t, $mock,
		'/v1/a/g/workers-ai/@cf/google/embeddinggemma-300m',
		'gateway', map { { text => "text $_" } } 1 .. 4);
	apart($t, $mock, 'another pooling', map { { uri => $uri, body => {
		text => "text $_", pooling => $_ < 4 ? 'mean' : 'cls' } } }
		1 .. 4);
	apart($t, $mock, 'another model', map { {
		body => { text => "text $_" },
		uri => $_ < 4 ? $uri : "$models/baai/bge-small-en-v1.5" } }
		1 .. 4);

	# an answer that lacks one

	$mock->reset();
	$mock->script(many => { count => -1 });
	@r = $t->plugged($mock, [ map { { uri => $uri,
		body => { text => "single $_" } } } 1 .. 3 ]);
	is_own_answer(\@r, 'one is missing');
	$mock->reset();

	for (
		[ 'labels', 'adapter',
			"$models/huggingface/distilbert-sst-2-int8",
			{ text => 'a' } ],
		[ 'ranks', 'adapter', $uri, { query => 'a', text => 'b',
			contexts => [ { text => 'b' } ] } ],
	) {
		my ($name, $reason, $path, $body) = @$_;
		my $r = $t->request({ uri => $path, body => $body });
		is("$r->{headers}{'x-status'} $r->{headers}{'x-reason'}",
			"BYPASS $reason", $name);
	}
}
