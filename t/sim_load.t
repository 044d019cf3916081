#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what llm-batch-sim makes of load as it is in the world: clients that
# wait for their answers, keys that keep requests apart, arrays that are cut,
# several nodes, and chance.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch::Simulator;


sub run(@arguments) { return simulated(@arguments)->{runs}[0] }

sub calls(@arguments) {
	return run('--brief', @arguments)->{summary}{calls_per_request};
}


my @remote = qw/ --cost 180+0.6n --parallel unlimited --seconds 10
	--max-size 64 /;
my @poisson = (@remote, qw/ --generate poisson --rate 200 /);
my @fixed = qw/ --window fixed --max-wait 20ms --min-size 64 /;

# a client asks again when it has its answer, and has thought

my @sent = map { $_->{sent_ms} } @{run(qw/ --clients 1 --cost 10+1n
	--seconds 1 /)->{batches}};

is(scalar(grep { abs($sent[$_] - $sent[$_ - 1] - 11.1) > 0.01 } 1 .. $#sent),
	0, 'one client: its calls follow each other');
cmp_ok($sent[-1], '<', 1000, 'one client: none after the end');
cmp_ok($sent[-1], '>', 1000 - 2 * 11.1, 'one client: until the end');

my @batches = @{run(qw/ --clients 4 --cost 10+1n --seconds 1 --window none
	--parallel unlimited --jitter 50% /)->{batches}};
my ($under_way, $most) = (0, 0);

for my $event (sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } map {
	[ $_->{sent_ms}, 1 ], [ $_->{sent_ms} + $_->{upstream_ms}, -1 ]
} @batches) {
	$under_way += $event->[1];
	$most = $under_way if $under_way > $most;
}

is($most, 4, 'four clients: four requests at most, and at times');

is(run(qw/ --clients 1 --seconds 10 --window none --reject 100% --brief /)
	->{summary}{requests}, 20, 'a client that is refused takes its time');
is(run(qw/ --clients 1 --seconds 10 --window none --reject 100% --brief
	--retry-after 2s /)->{summary}{requests}, 5, 'as it is told');

my $n = run(qw/ --clients 20 --think 100ms --cost 10 --parallel unlimited
	--window none --seconds 60 --brief /)->{summary}{requests};

cmp_ok(abs($n - 20 * 60_000 / 110), '<', 500, "thinking takes time: $n");

my $clients = simulated('--clients', '8,32', qw/ --think 1ms
	--compare none slot -- --seconds 5 /);

is_deeply([ map { "$_->{clients} $_->{settings}{name}" } @{$clients->{runs}} ],
	[ '8 none', '8 slot', '32 none', '32 slot' ], 'several numbers of clients');
is_deeply(simulated(qw/ --clients 8 --jitter 10% --seconds 5 /),
	simulated(qw/ --clients 8 --jitter 10% --seconds 5 /),
	'clients: the same again');
cmp_ok($clients->{runs}[3]{summary}{requests}, '>',
	2 * $clients->{runs}[2]{summary}{requests},
	'clients: who is served sooner asks more');

my (undef, $out) = simulate(qw/ --clients 3 --think 5ms --brief /);
like($out, qr/^\d+ requests in [\d.]+ s of 3 clients that think for 5 ms$/m,
	'clients: report');

(my $code, $out, my $err) = simulate(qw/ --clients 1 --cost 1000000
	--think 60m --seconds 0.001 /);
is("$code $err", "1 llm-batch-sim: no requests in 0.001 s: let clients think "
	. "less\n", 'clients that never ask');

# who has a key of its own saves nothing, whatever the window

for my $window ([], \@fixed, [ '--window', 'rate=5r/s', '--max-wait', '100ms' ],
	[ '--concurrency', 1 ])
{
	is(calls(@poisson, @$window, qw/ --keys unique /), 1,
		"each request with its own key: @$window");
}

is(calls(@remote, @fixed, qw/ --clients 32 --keys unique /), 1,
	'each request with its own key: clients');

is(calls(@poisson, @fixed, qw/ --keys 1 /), calls(@poisson, @fixed,
	qw/ --keys 1 --models 1 /), 'one key');
my @by_keys = map { calls(@poisson, @fixed, '--keys', $_) } 1, 10, 100, 10_000;

ok($by_keys[0] < $by_keys[1] && $by_keys[1] < $by_keys[2]
	&& $by_keys[2] < $by_keys[3] && $by_keys[3] > 0.97,
	"more keys, more calls: @by_keys");

my $zipf = calls(@poisson, @fixed, '--keys', '100,zipf');

cmp_ok($zipf, '<', 0.9 * $by_keys[2], "popular keys, fewer calls: $zipf");
cmp_ok(calls(@poisson, @fixed, '--keys', '100,zipf=2'), '<', 0.9 * $zipf,
	'more popular ones, still fewer');

# those of a trace; where there are none, that is said

sub keyed(@keys) {
	my $n = 0;
	return trace_file([ map { {
		request_id => 'r' . $n++, created_at_ms => 0, prompt => 'x',
		defined ? (key => $_) : ()
	} } @keys ]);
}

sub together(@arguments) {
	return [ sort map { join ' ', @{$_->{requests}} }
		@{run('--cost', 10, @arguments)->{batches}} ];
}

is_deeply(together(keyed(qw/ a b a b /)), [ 'r0 r2', 'r1 r3' ],
	'keys of a trace');
is_deeply(together(keyed('a', undef, 'a', '', '-')), [ 'r0 r2', 'r1 r3 r4' ],
	'some have none');

my $warning = qr/^WARNING: (\d+) of (\d+) requests come without a key/m;

for ([ [ qw/ a b / ] ], [ [ 'a', undef ], 1, 2 ], [ [ undef, '-' ], 2, 2 ]) {
	my ($keys, @told) = @$_;
	my (undef, $out) = simulate(keyed(@$keys));

	is_deeply([ $out =~ $warning ], \@told,
		'warned of: ' . join ' ', map { $_ // 'none' } @$keys);
}

is_deeply([ map { simulated(keyed(@$_))->{keys}{requests_without} }
	[ 'a', undef ], [ 'a' ] ], [ 1, 0 ], 'requests without keys, as JSON');

my $log = '{"time":1790000000.123,"request_time":0.010,"status":"MERGED",'
	. '"reason":"","model":"m","task":"","tokens":"1","request_id":"%s",'
	. '"key":"%s"}';

is_deeply(together(trace_file(join "\n", map { sprintf $log, @$_ }
	[ 'a', 1 ], [ 'b', 2 ], [ 'c', 1 ])), [ 'a c', 'b' ], 'keys of a log');

like((simulate(@poisson, qw/ --keys 5 --brief /))[1], qr/^keys: 5$/m,
	'keys by chance: report');
unlike((simulate(@poisson, '--brief'))[1], $warning,
	'no warning of what is made by chance');

# arrays: one above max_size is a call of its own, one above what the upstream
# takes is cut, as is one with too many tokens

my $arrays = trace_file([ map { {
	request_id => $_->[0], created_at_ms => $_->[1], prompt => 'x',
	items => $_->[2], token_count => 10 * $_->[2]
} } [ 'a', 0, 25 ], [ 'b', 1, 1 ], [ 'c', 1, 3 ] ]);

sub cut(@arguments) {
	return [ map { "$_->{size}: @{$_->{requests}} "
		. ($_->{close} || $_->{reason}) }
		@{run('--cost', '10+1n', '--max-size', 10, @arguments, $arrays)
		->{batches}} ];
}

is_deeply(cut(qw/ --concurrency 1 /), [ '25: a size', '4: b c slot' ],
	'an array above max_size');
is_deeply(cut(qw/ --concurrency 1 --most-items 10 /), [ '10: a size',
	'4: b c size', '10: a size', '5: a slot' ], 'one that is cut');
is_deeply(cut(qw/ --concurrency 4 --max-tokens 60 /), [ '6: a size',
	'6: a size', '6: a size', '6: a tokens', '5: b c a slot' ],
	'one with too many tokens');
is_deeply(cut(qw/ --concurrency 4 --most-items 10 --split off /),
	[ '25: a item', '4: b c slot' ], 'one that is not cut');
is_deeply(cut(qw/ --concurrency 4 --max-tokens 60 --split off /),
	[ '25: a tokens', '4: b c slot' ], 'one that is not cut: tokens');
is_deeply(cut('--concurrency', 4, '--most-items', 10, '--split', 'on max=2'),
	[ '25: a parts', '4: b c slot' ], 'one that would be too many parts');
is_deeply([ map { s/:.*//r } grep { / a / } @{cut('--concurrency', 4,
	'--most-items', 10, '--split', 'on max=3')} ], [ 10, 10, 5 ],
	'one that is just few enough');

my $parts = run(qw/ --cost 10+1n --concurrency 1 --most-items 10 /, $arrays);

is_deeply($parts->{summary}{latency_ms}, { p50 => 33, p95 => 69, p99 => 69,
	max => 69 }, 'its answer is there with that of its last part');
is($parts->{summary}{calls}, 4, 'parts are calls');
is($parts->{summary}{items_per_call}, 29 / 4, 'and have its items');
is($parts->{summary}{requests}, 3, 'but it is one request');

my $refused = run(qw{ --cost 10+1n --concurrency 2 --most-items 2
	--limit 3r/s }, $arrays)->{summary};

is($refused->{requests_429}, 2, 'a part that is refused: the request is');
is($refused->{requests}, 3, 'a part that is refused: and has one answer');

for my $kind (qw/ poisson bursts heavy /) {
	my $summary = run('--generate', $kind, qw/ --rate 50 --items 40
		--most-items 32 --reject 10% --retry-after 100ms --brief --seconds 20
		--parallel 8 --cost 20+0.1n /)->{summary};
	my $sum = 0;

	$sum += $_ for values %{$summary->{status}};
	is($sum, $summary->{requests}, "arrays, $kind: all have an answer");
}

# what calls cost by model

my %took;

$took{$_->{model}}{$_->{upstream_ms}} = 1 for @{run('--cost', '10,100+1n',
	qw/ --models 3 --generate poisson --rate 50 --seconds 2 --max-size 1
	--parallel unlimited /)->{batches}};

is_deeply({ map { $_ => [ keys %{$took{$_}} ] } keys %took },
	{ 'model-1' => [ 10 ], 'model-2' => [ 101 ], 'model-3' => [ 10 ] },
	'costs of models, in turn');

# nodes: each gathers for itself, unless requests come by key

my @keys = (@remote, @fixed, qw/ --generate poisson --rate 1000 --keys 20 /);
my $one = calls(@keys);
my $random = calls(@keys, qw/ --nodes 100 --by random /);
my $by_key = calls(@keys, qw/ --nodes 100 --by key /);

cmp_ok($random, '>', 0.95, "100 nodes: $random instead of $one");
cmp_ok(abs($by_key - $one), '<', 0.05 * $one, "by key: $by_key");
is(calls(@keys, qw/ --nodes 1 --by random /), $one, 'one node');
is_deeply([ map { "$_->{nodes} $_->{by}" } map { $_->{settings} }
	@{simulated(@poisson, '--compare', 'slot', 'nodes=10', 'nodes=10 by=key')
	->{runs}} ], [ '1 random', '10 random', '10 key' ], 'nodes are compared');
like((simulate(@poisson, qw/ --nodes 7 --by key --brief /))[1],
	qr/^nodes: 7, by key$/m, 'nodes: report');

# models of one upstream share its slots, and its costs are those of each: what
# is learned is about as good as what is known

my @models = (qw/ --cost 3.15+0.62n --jitter 10% --generate poisson
	--seconds 20 --rate 600 --max-size 64 --patience off --seeds 3 --compare
	slot concurrency=1 /);

for my $n (1, 2, 4) {
	my ($shared, $known) = map { $_->{latency_p99_ms}{mean} }
		@{simulated(@models, '--models', $n)->{spreads}};

	cmp_ok($shared, '<', 1.3 * $known, "$n models on one upstream");
}

# seeds: the mean, the least and the most

my $spread = simulated(@poisson, qw/ --jitter 10% --seeds 3 --seed 5
	--compare none slot /);
my @alone = map { run(@poisson, qw/ --jitter 10% --brief --seed /, $_)
	->{summary}{latency_ms}{p99} } 5 .. 7;
my ($least, undef, $worst) = sort { $a <=> $b } @alone;
my $p99 = $spread->{spreads}[1]{latency_p99_ms};

is_deeply([ map { sprintf '%.6f', $_ } @$p99{qw/ min max mean /} ],
	[ map { sprintf '%.6f', $_ } $least, $worst,
	($alone[0] + $alone[1] + $alone[2]) / 3 ], 'seeds: mean, least and most');
is_deeply([ map { "$_->{settings}{name} $_->{seed}" } @{$spread->{runs}} ],
	[ 'none 5', 'none 6', 'none 7', 'slot 5', 'slot 6', 'slot 7' ],
	'seeds: runs');
like((simulate(@poisson, qw/ --seeds 3 /))[1],
	qr/^slot +[\d. ]+\n  least +[\d. ]+\n  most +[\d. ]+$/m, 'seeds: report');

my $of_file = simulated(qw/ --jitter 50% --seeds 5 /, keyed('a'))
	->{spreads}[0]{latency_p50_ms};

cmp_ok($of_file->{max}, '>', $of_file->{min},
	'seeds: the upstream of a file has chance, too');

done_testing();
