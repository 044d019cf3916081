#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what the scheduler does to latency, in simulation, so that the figures
# are the same everywhere: defaults do no harm before a provider far away, and
# a load that can be worked off is worked off.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch::Simulator;


sub latency($cost, $parallel, $rate, $seconds, @arguments) {
	my ($run) = @{simulated('--cost', $cost, '--parallel', $parallel,
		qw/ --generate poisson --jitter 5% --brief --rate /, $rate,
		'--seconds', $seconds, @arguments)->{runs}};

	return @{$run->{summary}{latency_ms}}{qw/ p50 p99 /};
}


# no harm by default: from the first second on, and later

my @remote = ('180+0.6n', 'unlimited');

for my $seconds (1, 10) {
	for my $rate (2, 20, 50, 500) {
		my ($p50, $p99) = latency(@remote, $rate, $seconds);
		my ($p50_off, $p99_off) = latency(@remote, $rate, $seconds,
			qw/ --window none /);

		my $name = "$rate/s, $seconds s: ";

		cmp_ok($p50, '<=', 1.2 * $p50_off, "$name p50");
		cmp_ok($p99, '<=', 1.5 * $p99_off, "$name p99");
	}
}

# 90 % of what calls of full size carry, from the first request on: whatever is
# believed of the costs while nothing but waiting is seen, it does not get stuck

for my $parallel (4, 8) {
	for my $seed (1 .. 10) {
		my ($p50, $p99) = latency('20+1n', $parallel, 300 * $parallel, 10,
			qw/ --max-size 10 --seed /, $seed);

		my $name = "$parallel at a time, from 0 to 90 %, seed $seed: ";

		cmp_ok($p50, '<=', 50, "$name p50");
		cmp_ok($p99, '<=', 150, "$name p99");
	}
}

done_testing();
