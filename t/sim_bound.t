#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what llm-batch-sim says that no policy can beat: compared with all ways
# in which few requests can be put into calls, and with what policies made of
# many.

use v5.36;

use List::Util qw/ min max sum /;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch::Simulator;


sub trace(@requests) {
	my $n = 0;
	return trace_file([ map { {
		request_id => 'r' . $n++, created_at_ms => $_->[0], prompt => 'x',
		items => $_->[1] // 1, key => $_->[2] // 'k'
	} } @requests ]);
}

sub bound($trace, @arguments) {
	return simulated(@arguments, '--bound', $trace)->{runs}[0]{bound};
}


# the fewest calls, by trying all ways; times in ms

sub fewest($requests, $slower, $each, $size) {
	my $fits = sub (@call) {
		my $items = sum map { $_->[1] } @call;
		my $sent = max map { $_->[0] } @call;

		return $items <= $size && !grep {
			$sent - $_->[0] + $each * ($items - $_->[1]) > $slower + 1e-9
		} @call;
	};

	my $fewest = @$requests;
	my $try;

	$try = sub ($i, @calls) {
		return if @calls >= $fewest;

		if ($i == @$requests) {
			$fewest = @calls;
			return;
		}

		for my $k (0 .. $#calls) {
			my @call = (@{$calls[$k]}, $requests->[$i]);
			$try->($i + 1, @calls[0 .. $k - 1], [ @call ],
				@calls[$k + 1 .. $#calls]) if $fits->(@call);
		}

		$try->($i + 1, @calls, [ $requests->[$i] ]);
	};

	$try->(0);

	return $fewest;
}


# without company that costs, and one item each, nothing is better

my ($wrong, $above, $equal, $all) = ('', '', 0, 0);

srand($ENV{LLMB_SEED} // 1);

for my $round (1 .. 150) {
	my $n = 2 + int rand 6;
	my $each = $round % 3 ? 1 + int rand 5 : 0;
	my $slower = int rand 40;
	my $size = 2 + int rand 4;
	my @requests = sort { $a->[0] <=> $b->[0] }
		map { [ int rand 100, $round % 2 ? 1 : 1 + int rand 2 ] } 1 .. $n;

	my $told = bound(trace(@requests), '--cost', "10+${each}n", '--max-size',
		$size, '--slower', $slower)->{calls};
	my $fewest = fewest(\@requests, $slower, $each, $size);
	my $what = "of $each, $slower, $size and "
		. join(' ', map { "@$_" } @requests) . ": $told, not $fewest\n";

	$above .= $what if $told > $fewest;
	$wrong .= $what if $told != $fewest && $each == 0 && $round % 2;
	$equal += $told == $fewest;
	$all++;
}

is($above, '', 'never more than the fewest');
is($wrong, '', 'the fewest, where company costs nothing');
cmp_ok($equal, '>', 0.8 * $all, "and mostly elsewhere: $equal of $all");

# calls of which one is amid the other: whole items from the left are no bound

is(bound(trace([ 0 ], ([ 51 ]) x 12, [ 100 ]), '--cost', '10+10n',
	'--max-size', 64, '--slower', 110)->{calls}, 2, 'one amid the other');

# what counts

my @two = ([ 0 ], [ 10 ]);

is(bound(trace(@two), qw/ --cost 10 --slower 9 /)->{calls}, 2, 'too late');
is(bound(trace(@two), qw/ --cost 10 --slower 10 /)->{calls}, 1, 'in time');
is(bound(trace(@two), qw/ --cost 10+2n --slower 11 /)->{calls}, 2,
	'too much company');
is(bound(trace(@two), qw/ --cost 10+2n --slower 12 /)->{calls}, 1,
	'not too much');
is(bound(trace([ 0, 1, 'a' ], [ 0, 1, 'b' ]), qw/ --cost 10 --slower 60s /)
	->{calls}, 2, 'another key');
is(bound(trace(([ 0 ]) x 9), qw/ --cost 10 --slower 60s --max-size 4 /)
	->{calls}, 3, 'max-size');
is(bound(trace([ 0, 9 ], [ 0 ], [ 0 ]),
	qw/ --cost 10 --slower 60s --max-size 4 /)->{calls}, 2,
	'an array above max-size');
is(bound(trace([ 0, 9 ], [ 0 ], [ 0 ]),
	qw/ --cost 10 --slower 60s --max-size 4 --most-items 4 /)->{calls}, 4,
	'one that has to be cut');

# the slowest of a run: it waits, and has company

is_deeply(bound(trace([ 0 ], [ 3 ], [ 20 ]), qw/ --cost 10+2n --concurrency 1
	--window fixed --max-wait 10 --min-size 3 /),
	{ calls => 2, slower_ms => 12 }, 'the slowest');
is(bound(trace([ 0, 9 ], [ 0 ], [ 50 ]), qw/ --cost 10+2n --concurrency 1
	--window fixed --max-wait 10 --min-size 3 --max-size 4 /)->{slower_ms},
	10, 'the slowest: arrays of their own do not count');

# no policy beats it

for my $load ([ qw/ --generate poisson --rate 100 / ],
	[ qw/ --generate bursts --rate 100 --keys 3 / ],
	[ qw/ --generate heavy --rate 100 --items 3 / ],
	[ qw/ --clients 32 --think 5ms / ],
	[ qw/ --generate poisson --rate 100 --reject 10% --retry-after 50ms / ])
{
	my $runs = simulated(@$load, qw/ --bound --seconds 20 --cost 40+1n
		--parallel unlimited --max-size 16 --jitter 10% --compare none slot /,
		'window=fixed max_wait=5', 'window=fixed max_wait=40 min_size=16',
		'concurrency=1', 'window=rate=5r/s max_wait=300',
		'nodes=3 window=fixed')->{runs};

	for my $run (@$runs) {
		cmp_ok($run->{bound}{calls}, '<=', $run->{summary}{calls},
			"@$load: $run->{settings}{name}");
	}

	my $least = (grep { $_->{settings}{name} eq 'none' } @$runs)[0];
	is($least->{bound}{slower_ms}, 0, "@$load: none is slowed down");
}

my $unique = simulated(qw/ --generate poisson --rate 100 --keys unique
	--window fixed --bound --brief --seconds 5 /)->{runs}[0];
cmp_ok($unique->{bound}{slower_ms}, '>', 400, 'unique keys: they wait');
is($unique->{bound}{calls}, $unique->{summary}{requests},
	'unique keys: for nothing, whatever the policy');

# reports

my (undef, $out) = simulate(trace(@two), qw/ --cost 10 --bound --slower 10 /);
like($out, qr/^least calls +1, 0\.500 a request, by any .* than 10\.000 ms$/m,
	'report');
like((simulate(trace(@two), qw/ --bound --compare none slot /))[1],
	qr/^ +calls +least +slower .*\nsettings +\/request +\/request +most, ms /m,
	'report: a table');
unlike((simulate(trace(@two), qw/ --compare none slot /))[1], qr/least/,
	'report: not if it is not asked for');

done_testing();
