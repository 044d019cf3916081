#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that one bad item costs only the request it came with: the others of
# the call get their own answers, the guilty one the error it would have had
# alone, and the search for it takes few calls: halves, up to 8 items singly.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('poison')->has('llm_batch');
my $mock = $t->backend();

fail_conf($t);
$t->run();
warm_up($t, $mock);

# where the bad ones are, of how many, and the most calls it may take

for ([ 2, 0 ], [ 8, 3 ], [ 32, 0 ], [ 32, 17 ], [ 32, 31 ]) {
	my ($n, $bad) = @$_;
	my @texts = map { "text $_" } 0 .. $n - 1;
	$texts[$bad] .= ' POISON';

	warm_up($t, $mock);

	my @r = failing($t, $mock, {}, \@texts);
	my ($guilty) = splice @r, $bad, 1;

	is_own_answer(\@r, "$n, $bad is bad: the others");
	is($guilty->{status}, 400, "$n, $bad is bad: the guilty one");
	like($guilty->{body}, qr/bad item of 1"/,
		"$n, $bad is bad: the error it would have had alone");

	my $most = $n <= 8 ? 2 + $n : 2 + 2 + 2 + 8;
	cmp_ok(scalar(() = $mock->calls()), '<=', $most,
		"$n, $bad is bad: not too many calls");
}

warm_up($t, $mock);

my @r = failing($t, $mock, {}, [ 'a', 'b POISON', 'c', 'd', 'e POISON' ]);
is_own_answer([ @r[0, 2, 3] ], 'two bad ones: the others');
is(statuses(@r[1, 4]), '400', 'two bad ones');

# an array with a bad item is one request

$mock->reset();
@r = $t->plugged($mock, [ map {
	{ uri => '/v1/embeddings', body => { model => 'm', input => $_ } }
} [ 'a', 'b' ], [ 'c', 'd POISON', 'e' ], 'f' ]);
is_own_answer([ @r[0, 2] ], 'a bad item of an array: the others');
is($r[1]{status}, 400, 'a bad item of an array');
like($r[1]{body}, qr/bad item of 3"/, 'the array is not cut to isolate');

# errors of a request that was sent alone are its own

$mock->reset();
my $r = $t->request({ uri => '/v1/embeddings',
	body => { model => 'm', input => 'POISON' } });
is($r->{status}, 400, 'alone');
is(sizes($mock), '1', 'alone: one call');

# a limit that the upstream tells of is kept

warm_up($t, $mock);
@r = failing($t, $mock, { max_items => 8, max_status => 413 },
	[ map { "limit $_" } 1 .. 32 ], always => 1);
is_own_answer(\@r, 'too many for the upstream');

warm_up($t, $mock);
@r = failing($t, $mock, { max_items => 8, max_status => 413 },
	[ map { "again $_" } 1 .. 32 ], always => 1);
is_own_answer(\@r, 'again too many for the upstream');
is((grep { $_->{items} > 8 } $mock->calls()), 0, 'the limit was learned');

cmp_ok($t->metric('llm_batch_isolate_calls_total') // 0, '>', 0,
	'calls to isolate are counted');

$t->done();
