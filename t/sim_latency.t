#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what the scheduler does to latency, in simulation, so that the figures
# are the same everywhere: defaults do no harm before a provider far away, and
# save the calls there that can be saved for what they may cost; a load that can
# be worked off is worked off, by whatever models, and however short requests
# are said to wait.

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

# what a tenth of a call saves; the least that there can be for that is 0.744,
# 0.543, 0.242 and 0.129

sub summary(@arguments) {
	my ($run) = @{simulated(qw/ --jitter 5% --brief /, @arguments)->{runs}};
	return $run->{summary};
}

my %calls = (20 => 0.76, 50 => 0.56, 200 => 0.25, 500 => 0.14);

for my $rate (sort { $a <=> $b } keys %calls) {
	for my $seed (1 .. 3) {
		my $s = summary('--cost', '180+0.6n', qw/ --parallel unlimited
			--generate poisson --seconds 240 --max-size 64 --rate /,
			$rate, '--seed', $seed);

		my $name = "$rate/s, patience, seed $seed: ";

		cmp_ok($s->{calls_per_request}, '<=', $calls{$rate},
			"$name calls");
		cmp_ok($s->{latency_ms}{p50}, '<=', 1.1 * 180.6, "$name p50");
		cmp_ok($s->{latency_ms}{p99}, '<=', 1.12 * 1.05 * 180.6,
			"$name p99");
	}
}

# clients that wait for their answers are not gathered at any price

for my $patience ([ '10%', 0.47, 1.5 ], [ '50%', 0.17, 1.7 ]) {
	my $s = summary('--cost', '20+1n', qw/ --parallel unlimited --clients 32
		--think 1ms --seconds 30 --patience /, $patience->[0]);

	cmp_ok($s->{calls_per_request}, '<=', $patience->[1],
		"32 clients, $patience->[0]: calls");
	cmp_ok($s->{latency_ms}{p99}, '<=', $patience->[2] * 21,
		"32 clients, $patience->[0]: p99");
}

# a wait of a few milliseconds before a server that works on one call at a time

for my $wait (qw/ 1ms 2ms 5ms /) {
	my $s = summary(qw/ --cost 3.15+0.62n --generate poisson --rate 500
		--seconds 30 --max-wait /, $wait);

	cmp_ok($s->{latency_ms}{p99}, '<=', 20, "max_wait $wait: p99");
}

# several models on one such server, against what is best for it

for my $models (2, 4) {
	my @load = (qw/ --cost 3.15+0.62n --generate poisson --rate 600
		--seconds 60 --models /, $models);
	my $s = summary(@load);
	my $one = summary(@load, qw/ --concurrency 1 /);

	cmp_ok($s->{latency_ms}{p99}, '<=', 1.2 * $one->{latency_ms}{p99},
		"$models models: p99");
}

done_testing();
