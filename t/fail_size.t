#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards against an upstream that does not stop sending: an answer beyond
# llm_batch_max_response fails the call, and is not gathered in memory.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('large answers')->has('llm_batch');
my $mock = $t->backend();
my @texts = map { "text $_" } 1 .. 8;

fail_conf($t, 'llm_batch_max_response 64k;');
$t->run();

for my $how ({ size => 200_000_000 }, { size => 200_000_000, chunked => 1 }) {
	warm_up($t, $mock);
	my @r = failing($t, $mock, $how, \@texts, always => 1);

	is_own_answer(\@r, 'all get their own');
	is(headers('x-reason', @r), 'response_size', 'reason');
	is(sizes($mock), '1 8' . ' 1' x 8, 'individually');
}

$t->metric_is('llm_batch_mismatch_total{kind="size"}', 2);

my ($peak) = Test::LLMBatch::Proc::slurp('/proc/' . ($t->workers())[0]
	. '/status') =~ /VmHWM:\s+(\d+)/;

SKIP: {
	skip 'sanitizers need memory', 1 if $ENV{TEST_NGINX_SANITIZER};
	cmp_ok($peak, '<', 60_000, 'memory of the worker, in kB');
}

$t->done();
