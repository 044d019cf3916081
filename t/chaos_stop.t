#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards a worker that stands still for longer than a request may be held: the
# others go on, and its own clients are answered when it does.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Chaos;

my $t = Test::LLMBatch->new('stopped workers')->has('llm_batch');

chaos_conf($t);

my $mock = $t->backend();

$t->run();
$mock->script(delay => 0.01);

# in turn, so that each call of the load is hit at some point of its life

my ($stopped, $times) = (0, 0);

my $n = scaled(3000);
my $load = chaos_load($t, requests => $n, every => [ 0.4, sub {
	if ($stopped) {
		$t->proc()->signal('CONT', $stopped);
		$stopped = 0;
		return;
	}

	my @workers = $t->workers();
	$stopped = $workers[$times++ % @workers];
	$t->proc()->signal('STOP', $stopped);
} ]);

$t->proc()->signal('CONT', $stopped) if $stopped;

none_lost($load, $n, 'stop');
cmp_ok($times, '>=', 2, 'stop: more than once');
cmp_ok($load->{slowest}, '<', 10, 'stop: nobody waits for ever');
empty_zone($t, 'stop');
still_merges($t, $mock, 'stop');

$t->done();
