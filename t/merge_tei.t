#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of the /embed of Text Embeddings Inference, whose answer is an
# array and nothing else, and whose items may be arrays of tokens.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, tei')->has('llm_batch');

my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers);
	$t->run();

	merges($t, $mock, '/embed', sub (@texts) {
		{ inputs => @texts > 1 ? \@texts : $texts[0] }
	});

	$t->quit() if $workers == 1;
}

$t->done();
