#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards a zone that is much too small for its load: what does not fit is passed
# through, and nothing else happens.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Chaos;

my $t = Test::LLMBatch->new('small zone')->has('llm_batch');

chaos_conf($t, 'client_body_buffer_size 64k;',
	zone => '1m');

my $mock = $t->backend();

$t->run();
$mock->script(delay => 0.01);

my @size = (1, 200, 4000, 12_000);
my $n = scaled(800, 400);
my $load = chaos_load($t, clients => 48, requests => $n,
	body => sub ($i) {
		{ model => 'm', input => "$i " . 'text ' x $size[$i % 4] }
	});

none_lost($load, $n, 'small zone');
cmp_ok($t->metric('llm_batch_bypass_total{reason="zone_full"}') // 0, '>', 0,
	'small zone: it was full');
cmp_ok($t->metric('llm_batch_requests_total{status="MERGED"}') // 0, '>', 0,
	'small zone: some were merged');
empty_zone($t, 'small zone');
still_merges($t, $mock, 'small zone');

$t->done();
