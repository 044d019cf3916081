#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the death of workers under load: while one is killed every 200 ms, the
# clients of all others get their answers, and the zone is empty afterwards.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Chaos;

my $t = Test::LLMBatch->new('killed workers')->has('llm_batch');

chaos_conf($t);

my $mock = $t->backend();

$t->run();
$t->expect(qr/exited on signal 9/, qr/zone "llm" was locked by/);

$mock->script(delay => 0.01);

my $n = scaled(5000);
my $load = chaos_load($t, requests => $n, every => [ 0.2, sub {
	my @workers = $t->workers() or return;
	$t->proc()->signal('KILL', $workers[rand @workers]);
} ]);

accounted($t, $load, $n, 'kill');
cmp_ok(scalar(my %killed = killed_workers($t)), '>=', 5, 'kill: many died');
cmp_ok($load->{ok}, '>', 0.6 * $n, 'kill: most are answered');
cmp_ok($load->{slowest}, '<', 5, 'kill: nobody waits for long');
empty_zone($t, 'kill');
still_merges($t, $mock, 'kill');

# workers of an older configuration, that nobody is put in the place of

my $client = $t->client();

my $conns = all_in($t, $mock, $client, 64);
my @old = $t->workers();

$t->reload(wait => 0);
$t->proc()->signal('KILL', $_) for @old;
$client->abort($conns);
$mock->release();
empty_zone($t, 'old workers');
still_merges($t, $mock, 'old workers');

$t->done();
