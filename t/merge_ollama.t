#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of Ollama's /api/embed, whose answers go by place: that
# requests which meet make one call, and that prompt_eval_count is shared out.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, ollama')->has('llm_batch');

my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers);
	$t->run();

	merges($t, $mock, '/api/embed', sub (@texts) {
		{ model => 'm', input => @texts > 1 ? \@texts : $texts[0] }
	});

	$t->quit() if $workers == 1;
}

$t->done();
