#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards llm-batch-sim: traces so small that the batches can be told by hand,
# what it makes of each kind of input, and its reports.  t/sim_log.t replays a
# log of nginx, t/sim_input.t is about its errors.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch::JSON;
use Test::LLMBatch::Simulator;

# requests at these times

sub at(@times) {
	my $n = 0;
	return trace_file([ map { {
		request_id => 'r' . $n++, created_at_ms => $_, prompt => 'abc',
		selected_model => 'm', token_count => 10,
	} } @times ]);
}


# batches as "time: requests close"

sub batches($report) {
	return map {
		"$_->{sent_ms}: @{$_->{requests}} " . ($_->{close} || $_->{reason})
	} @{$report->{runs}[0]{batches}};
}


my @cost = ('--cost', '10+1n');
my @one = ('--concurrency', 1, @cost);

# slot: who finds a free one leaves with who came in the same pass; the others
# when it is free again

my $report = simulated(@one, at(0, 0, 1, 2, 13, 100));

is_deeply([ batches($report) ], [
	'0: r0 r1 slot',        # until 12
	'12: r2 r3 slot',       # until 24
	'24: r4 slot',
	'100: r5 slot',
], 'slot: batches');

my ($run) = @{$report->{runs}};

is_deeply([ map { $_->{upstream_ms} } @{$run->{batches}} ], [ 12, 12, 11, 11 ],
	'slot: what calls take');
is_deeply([ map { @{$_->{wait_ms}} } @{$run->{batches}} ],
	[ 0, 0, 11, 10, 11, 0 ], 'slot: what requests wait');
is_deeply([ map { $_->{size} } @{$run->{batches}} ], [ 2, 2, 1, 1 ],
	'slot: sizes');
is_deeply([ map { $_->{tokens} } @{$run->{batches}} ], [ 20, 20, 10, 10 ],
	'slot: tokens');
is_deeply([ map { $_->{status} } @{$run->{batches}} ],
	[ qw/ MERGED MERGED SINGLE SINGLE / ], 'slot: status');
is($run->{batches}[0]{model}, 'm', 'slot: model');

my $summary = $run->{summary};

is_deeply($summary->{latency_ms}, { p50 => 12, p95 => 23, p99 => 23,
	max => 23 }, 'summary: latency');
is_deeply($summary->{wait_ms}, { p50 => 0, p95 => 11, p99 => 11, max => 11 },
	'summary: wait');
is($summary->{calls}, 4, 'summary: calls');
is($summary->{requests}, 6, 'summary: requests');
is($summary->{tokens}, 60, 'summary: tokens');
is(sprintf('%.4f', $summary->{calls_per_request}), '0.6667',
	'summary: calls for each request');
is_deeply($summary->{close}, { slot => 4 }, 'summary: why they were sent');
is_deeply($summary->{status}, { MERGED => 4, SINGLE => 2 },
	'summary: status');

# settings, one by one

is_deeply([ batches(simulated(@one, qw/ --max-size 3 /, at((0) x 7))) ],
	[ '0: r0 r1 r2 size', '13: r3 r4 r5 size', '26: r6 slot' ], 'max-size');

is_deeply([ batches(simulated(@cost, qw/ --concurrency 2 /, at(0 .. 4))) ],
	[ '0: r0 slot', '1: r1 slot', '11: r2 r3 r4 slot' ], 'concurrency');

is_deeply([ batches(simulated(@one, qw/ --max-tokens 25 /, at((0) x 3))) ],
	[ '0: r0 r1 tokens', '12: r2 slot' ], 'max-tokens');

is_deeply([ batches(simulated(@one, qw/ --max-tokens 9 /, at(0))) ],
	[ '0: r0 tokens' ], 'max-tokens: a request above it is not held');
is(simulated(@one, qw/ --max-tokens 10 /, at(0))->{runs}[0]{batches}[0]{status},
	'SINGLE', 'max-tokens: one that has as many is');

is_deeply([ batches(simulated(@cost, qw/ --concurrency 1 --max-wait 5 /,
	at(0, 1, 2))) ],
	[ '0: r0 slot', '6: r1 r2 deadline' ], 'max-wait');

is_deeply([ batches(simulated(@one, qw/ --window fixed --max-wait 20ms /,
	at(0, 30, 35, 70, 71, 72))) ],
	[ '20: r0 deadline', '44: r1 r2 early', '84: r3 r4 r5 early' ],
	'window fixed');

is_deeply([ batches(simulated(@one, qw/ --window fixed --max-wait 20ms
	--min-size 3 /, at(30, 35))) ],
	[ '20: r0 r1 deadline' ], 'min-size');

is_deeply([ batches(simulated(@one, qw/ --window fixed --max-wait 20ms
	--max-size 2 /, at(0, 1, 2))) ],
	[ '1: r0 r1 size', '22: r2 deadline' ], 'window fixed: full');

is_deeply([ batches(simulated('--cost', 10, '--window', 'rate=2r/s',
	'--max-wait', '2s', at(map { 100 * $_ } 0 .. 7))) ],
	[ '0: r0 rate', '100: r1 rate', '500: r2 r3 r4 r5 rate',
	'1000: r6 r7 rate' ], 'window rate');

is_deeply([ batches(simulated(@one, qw/ --window none --parallel unlimited /,
	at(0, 0, 1))) ], [ '0: r0 ', '0: r1 ', '1: r2 ' ], 'window none');

# the upstream

is(simulated(@one, at(0))->{runs}[0]{batches}[0]{upstream_ms}, 11,
	'cost of an item');
is(simulated('--cost', '1 + 2*n + 0.5t', at(0))->{runs}[0]{batches}[0]
	{upstream_ms}, 8, 'cost of tokens');

sub took(@arguments) {
	return [ map { $_->{upstream_ms} } @{simulated('--window', 'none', @cost,
		@arguments)->{runs}[0]{batches}} ];
}

is_deeply(took('--parallel', 1, at((0) x 3)), [ 11, 22, 33 ],
	'one call at a time');
is_deeply(took('--parallel', 2, at((0) x 5)), [ 11, 11, 22, 22, 33 ],
	'two calls at a time');
is_deeply(took('--parallel', 'unlimited', at((0) x 3)), [ 11, 11, 11 ],
	'any number of calls at a time');

my $took = took(qw/ --parallel unlimited --jitter 10% /, at((0) x 200));

is(scalar(grep { $_ < 9.9 || $_ > 12.1 } @$took), 0, 'jitter: bounds');
ok(grep({ $_ < 10.2 } @$took) && grep({ $_ > 11.8 } @$took),
	'jitter: there is some');
isnt("@{took(qw/ --jitter 10% --seed 3 /, at(0))}",
	"@{took(qw/ --jitter 10% --seed 4 /, at(0))}", 'jitter: another seed');

# answers of 429: to all of a call, or, if the upstream says for how long,
# only to those that cannot wait

my $busy = simulated(@one, '--limit', '1r/s', at(0, 0, 1));

is_deeply([ map { $_->{http_status} } @{$busy->{runs}[0]{batches}} ],
	[ 200, 429 ], 'limit');
is($busy->{runs}[0]{summary}{requests_429}, 1, 'limit: requests');

$busy = simulated(@one, qw{ --limit 1r/s --retry-after 300ms --max-wait 700 },
	at(0, 700, 700));

is_deeply([ map { "$_->{sent_ms}: $_->{http_status}" }
	@{$busy->{runs}[0]{batches}} ], [ '0: 200', '700: 429', '1001: 200' ],
	'retry-after: who can waits');

is(simulated(@one, qw/ --reject 100% /, at(0, 0))->{runs}[0]{summary}
	{requests_429}, 2, 'reject');

# eligibility

my $trace = trace_file([ map { { created_at_ms => 0, prompt => 'x', %$_ } } (
	{ request_id => 'none' },
	{ request_id => 'task', task_type => 'chat' },
	{ request_id => 'embed', task_type => 'embed' },
	{ request_id => 'short', task_type => 'embed', latency_budget_ms => 100 },
	{ request_id => 'long', task_type => 'embed', latency_budget_ms => 300 },
) ]);

sub reasons(@arguments) {
	return { map { $_->{requests}[0] => $_->{reason} }
		grep { $_->{status} eq 'BYPASS' }
		@{simulated(@cost, @arguments)->{runs}[0]{batches}} };
}

is_deeply(reasons($trace), { short => 'budget' }, 'latency-threshold');
is_deeply(reasons(qw/ --latency-threshold 100ms /, $trace), {},
	'latency-threshold: a budget that is as long');
is_deeply(reasons(qw/ --latency-threshold 400ms /, $trace),
	{ short => 'budget', long => 'budget' }, 'latency-threshold 400ms');
is_deeply(reasons(qw/ --latency-budget 100ms /, $trace),
	{ map { $_ => 'budget' } qw/ none task embed short / },
	'latency-budget: of those without one');
is_deeply(reasons('--eligible-tasks', 'embed,rank', $trace),
	{ none => 'task', task => 'task', short => 'budget' }, 'eligible-tasks');

# models and tasks do not share calls

is_deeply([ sort map { join ' ', @{$_->{requests}} }
	@{simulated(@cost, $trace)->{runs}[0]{batches}} ],
	[ 'embed long', 'none', 'short', 'task' ], 'groups: task');
is_deeply([ sort map { join ' ', @{$_->{requests}} }
	@{simulated(@cost, trace_file([ map { { request_id => $_, prompt => 'x',
		created_at_ms => 0, selected_model => substr $_, 0, 1 } }
		qw/ a1 b1 a2 b2 / ]))->{runs}[0]{batches}} ],
	[ 'a1 a2', 'b1 b2' ], 'groups: model');

# budgets

my $late = simulated(@one, qw/ --latency-threshold 0 /,
	trace_file([ map { { request_id => "r$_", created_at_ms => 0,
		prompt => 'x', latency_budget_ms => $_ == 2 ? 12 : 13 } } 1 .. 3 ]));

is_deeply($late->{runs}[0]{summary}{budgets}, { given => 3, missed => 1,
	missed_by_holding => 0 }, 'budgets: missed');

# a list of texts

my $texts = simulated(@one, qw/ --interval 5ms /,
	trace_file([ 'one', 'two words', "a \"quoted\"\ntext" ]));

is_deeply([ batches($texts) ], [ '0: 1 slot', '11: 2 3 slot' ],
	'a list of texts');
cmp_ok($texts->{runs}[0]{batches}[1]{tokens}, '>=', 5, 'texts have tokens');

# objects: order and epoch do not matter, the shortened query is what is sent,
# what nobody knows is ignored

my @objects = (
	{ request_id => 'late', created_at_ms => 1_790_000_000_020.5,
		prompt => 'x' },
	{ request_id => 17, created_at_ms => 1_790_000_000_000,
		prompt => 'long ' x 100, shortened_query => 'short',
		analysis_json => undef, whatever => [ {} ] },
);

my $objects = simulated(@one, trace_file(\@objects));

is_deeply([ batches($objects) ], [ '0: 17 slot', '20.5: late slot' ],
	'objects: in the order of time');
cmp_ok($objects->{runs}[0]{batches}[0]{tokens}, '<', 5,
	'objects: the shortened query counts');

is_deeply([ batches(simulated(@one, trace_file(
	join '', map { encode_json($_) . "\n" } @objects))) ],
	[ batches($objects) ], 'objects, one a line');

# tolerance, as an object or as text

sub tolerant($value, @arguments) {
	return [ batches(simulated(@one, qw/ --window fixed --max-wait 20ms /,
		@arguments, trace_file([ { request_id => 'a', created_at_ms => 0,
		prompt => 'x', analysis_json => $value } ]))) ];
}

is_deeply(tolerant({ latency_tolerance => 'low' }), [ '0: a deadline' ],
	'tolerance: low');
is_deeply(tolerant('{"latency_tolerance":"medium"}'), [ '10: a deadline' ],
	'tolerance: medium, in a text');
is_deeply(tolerant(undef, qw/ --tolerance medium /), [ '10: a deadline' ],
	'tolerance: of the settings');
is_deeply(tolerant({ latency_tolerance => 'high', other => 1 },
	qw/ --tolerance low /), [ '20: a deadline' ],
	'tolerance: its own goes first');

# generators: the rate is what was asked for, and the same seed means the same

for my $kind (qw/ poisson bursts heavy /) {
	my @generate = ('--generate', $kind, qw/ --rate 500 --seconds 60
		--parallel unlimited --brief --models 3 /);
	my $first = simulated(@generate);
	my $n = $first->{runs}[0]{summary}{requests};

	my ($least, $most) = $kind eq 'heavy' ? (15000, 45000) : (27000, 33000);

	ok($n > $least && $n < $most, "generate $kind: $n requests");
	is_deeply(simulated(@generate), $first, "generate $kind: repeated");
	cmp_ok($first->{runs}[0]{summary}{wait_ms}{max}, '<', 10_000,
		"generate $kind: nobody waits forever");
	isnt(simulated(@generate, '--seed', 7)->{runs}[0]{summary}{requests}, $n,
		"generate $kind: another seed");
}

my $bursts = simulated(qw/ --generate bursts --rate 200 --seconds 20 --cost 1
	--concurrency 1 /);
my $even = simulated(qw/ --generate poisson --rate 200 --seconds 20 --cost 1
	--concurrency 1 /);

cmp_ok($bursts->{runs}[0]{summary}{items_per_call}, '>',
	1.5 * $even->{runs}[0]{summary}{items_per_call},
	'bursts come together');

# a run for each of several settings, over the same requests

my $compared = simulated(@cost, qw/ --compare none slot /,
	'window=fixed max_wait=20 max_size=3', 'concurrency=auto max=4',
	'--', at(0, 1, 2, 40));

is_deeply([ map { $_->{settings}{name} } @{$compared->{runs}} ],
	[ 'none', 'slot', 'window=fixed max_wait=20 max_size=3',
	'concurrency=auto max=4' ], 'compare: names');
is_deeply([ map { $_->{summary}{calls} } @{$compared->{runs}} ], [ 4, 4, 2, 4 ],
	'compare: calls');
is_deeply([ map { $_->{settings}{max_wait_ms} } @{$compared->{runs}} ],
	[ 500, 500, 20, 500 ], 'compare: settings');
is($compared->{runs}[3]{settings}{concurrency}, 'auto max=4',
	'concurrency: auto');
is(simulated(@one, at(0))->{runs}[0]{settings}{concurrency}, 1,
	'concurrency: a number');
is_deeply([ map { $_->{settings}{max_size} } @{simulated(qw/ --compare slot
	max_size=7 --max-size 5 /, at(0))->{runs}} ], [ 5, 7 ],
	'compare: the rest is that of the options');

my $sweep = simulated('--rate', '10,1000', qw/ --generate poisson
	--seconds 2 --compare none slot /);

is_deeply([ map { "$_->{rate} $_->{settings}{name}" } @{$sweep->{runs}} ],
	[ '10 none', '10 slot', '1000 none', '1000 slot' ], 'several rates');

# what is not said is as in the module

open my $fh, '<', "$FindBin::Bin/../docs/directives.md"
	or die "directives.md: $!\n";
my %default = join('', <$fh>) =~ /Default:\*\* `llm_batch_(\w+) ([^;]+);`/g;
close $fh;

my $defaults = simulated(at(0))->{runs}[0]{settings};

for my $name (qw/ window concurrency min_size max_size max_tokens
	patience /) {
	is($defaults->{$name}, $default{$name}, "default of $name");
}

for my $time ([ 70, 70 ], [ '70ms', 70 ], [ '2s', 2000 ], [ '0.5s', 500 ],
	[ '1m', 60_000 ])
{
	is(simulated('--max-wait', $time->[0], at(0))->{runs}[0]{settings}
		{max_wait_ms}, $time->[1], "a time of $time->[0]");
}

for my $name (qw/ max_wait latency_threshold /) {
	is("$defaults->{$name . '_ms'}ms", $default{$name}, "default of $name");
}

# reports for people

my ($code, $out) = simulate(@one, at(0, 0, 1));

is($code, 0, 'report: exit code');
is($out =~ s/\n\n.*//sr, "3 requests in 0.001 s of trace.json\n"
	. "upstream: 10 + 1 n ms, 1 at a time\nsettings: slot", 'report: head');
like($out, qr/^ +1 +0\.000  m +2 +20  slot +0\.000 +12\.000  r0 r1$/m,
	'report: a batch');
like($out, qr/^ +2 +12\.000  m +1 +10  slot +11\.000 +11\.000  r2$/m,
	'report: a request alone');
like($out, qr/^calls +2, .*, 0\.667 a request, of 1\.50 items$/m,
	'report: calls');
like($out, qr/^latency, ms +p50 12\.000, p95 22\.000/m, 'report: latency');
like($out, qr/^budgets +none$/m, 'report: budgets');

($code, $out) = simulate('--brief', @one, at(0, 0, 1));
unlike($out, qr/\br0\b/, 'report: brief');

($code, $out) = simulate(@one, at((0) x 9));
like($out, qr/r0 r1 r2 r3 r4 r5 and 3 more$/m, 'report: ids of a large batch');
like((simulate(@one, at((0) x 6)))[1], qr/r0 r1 r2 r3 r4 r5$/m,
	'report: all ids of another');

# nothing that a terminal would obey

($code, $out) = simulate(@one, trace_file([ { request_id => "a\e[31m\x{9b}\n",
	created_at_ms => 0, prompt => 'x', selected_model => "m\e]0;t\a" } ]));
unlike($out, qr/[^\n -~]/, 'report: no control characters');
like($out, qr/m\\x1b\]0;t\\x07 .* a\\x1b\[31m\\xc2\\x9b\\x0a$/m,
	'report: they are escaped');

($code, $out) = simulate(@cost, qw/ --compare none slot -- /, at(0, 0, 1));
like($out, qr/^none +1\.000 +1\.00 .*\nslot +0\.667 +1\.50 /m,
	'report: a table');

# pictures

for my $arguments (
	[ at(0, 0, 1), '--compare', 'none', 'slot' ],
	[ '--rate', '20,50,400', qw/ --generate heavy --seconds 2 --compare none slot /,
		'window=fixed max_wait=5' ],
	[ at(0), '--plot', 'x' ],
) {
	my $svg = trace_file('', 'plot.svg');
	($code, $out, my $err) = simulate(@$arguments, '--plot', $svg);
	is("$code$err", '0', 'plot: no error');
	is(svg_problem($svg), '', 'plot: well formed');
}

my $svg = trace_file('', '<&>.svg');
simulate(at(0), '--plot', $svg, '--compare', 'slot',
	'window=fixed eligible_tasks=a<b&c');
is(svg_problem($svg), '', 'plot: names that XML has to have escaped');

# what the scheduler has learned of a serial upstream

my $learned = simulated(qw/ --generate poisson --rate 400 --seconds 20
	--brief /)->{runs}[0]{learned};

is($learned->{concurrency}, 1, 'learned: concurrency');
ok(abs($learned->{fixed_ms} - 3.15) < 1, "learned: $learned->{fixed_ms} ms");
ok(abs($learned->{per_item_ms} - 0.62) < 0.3,
	"learned: $learned->{per_item_ms} ms for each item");
ok(!exists simulated('--window', 'none', at(0))->{runs}[0]{learned},
	'learned: nothing of what is not held');

# a large trace, with budgets: all are served, and it does not take long

my $large = simulated(qw/ --generate poisson --rate 1000 --seconds 200
	--budgets 100-2000 --max-size 32 --concurrency 1 --brief /)
	->{runs}[0]{summary};

cmp_ok($large->{requests}, '>', 190_000, 'a large trace');
is($large->{budgets}{given}, $large->{requests}, 'a large trace: budgets');
is($large->{budgets}{missed_by_holding}, 0, 'a large trace: none is missed');

# a call gets longer by all that joins while it is held

my @held = (qw/ --budgets 200-2000 --window fixed --max-wait 2s --brief
	--max-size 2048 --min-size 2048 --cost 50+1n --parallel 16 --rate 300 /);

for my $kind (qw/ poisson heavy bursts /) {
	is(simulated(@held, '--seconds', 100, '--generate', $kind)
		->{runs}[0]{summary}{budgets}{missed}, 0,
		"a call that grows, $kind: no budget is missed");
}

is((simulate('--help'))[0], 0, '--help');
like((simulate('--help'))[1], qr/^usage: llm-batch-sim/, '--help: text');

done_testing();


# tags are closed in order, attributes quoted, text escaped, and numbers are
# numbers; there are axes with labels, and something on them

sub svg_problem($file) {
	open my $fh, '<', $file or return "$file: $!";
	local $/;
	my $text = <$fh>;
	my @open;

	while ($text =~ /\G([^<]*)<(\/?)(\w+)((?:\s+[\w-]+="[^"<&]*")*)(\/?)>/gc) {
		my ($before, $close, $name, $attributes, $empty) = ($1, $2, $3, $4, $5);

		return "text: $before" if $before =~ s/&(?:lt|amp|gt);//gr =~ /&/;
		return "number: $attributes" if $attributes =~ /="[^"]*\b(?:nan|inf)\b/i;

		if ($close) {
			return "</$name>" if !@open || pop(@open) ne $name;

		} elsif (!$empty) {
			push @open, $name;
		}
	}

	return 'something is left: ' . substr $text, pos $text // 0, 40
		if $text !~ /\G\s*\z/gc;
	return "not closed: @open" if @open;
	return 'no labels' if $text !~ />calls per request</ || $text !~ /, ms</;

	pos($text) = undef;

	my ($width, $height) = $text =~ /viewBox="0 0 ([\d.]+) ([\d.]+)"/;
	my @points = $text =~ /<circle cx="([^"]+)" cy="([^"]+)"/g;

	return 'no points' unless @points;

	while (my ($x, $y) = splice @points, 0, 2) {
		return "a point at $x, $y" if $x < 60 || $x > $width
			|| $y < 60 || $y > $height - 40;
	}

	return $text =~ /^<svg / ? '' : 'no svg';
}
