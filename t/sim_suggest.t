#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what llm-batch-sim suggests, and the picture of the frontier: what is
# suggested is the best of what was tried, in the sense that is said, the lines
# are directives that nginx takes, and nothing is promised where nothing can be
# saved.

use v5.36;

use List::Util qw/ min /;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Simulator;

my @remote = qw/ --cost 180+0.6n --parallel unlimited --seconds 10 /;
my @poisson = (@remote, qw/ --generate poisson --rate 200 /);


# runs by their settings, without the first, which has no batching

sub tried($report) {
	return { map { $_->{settings}{name} => $_->{summary} }
		grep { $_->{settings}{name} ne 'none' } @{$report->{runs}} };
}

sub latency($s) { return $s->{latency_ms}{p50} + $s->{latency_ms}{p99} }


for my $load ([ @poisson ], [ @remote, qw/ --generate bursts --rate 50 / ],
	[ qw/ --generate heavy --rate 200 --seconds 10 / ],
	[ @remote, qw/ --clients 32 --think 5ms / ],
	[ @poisson, qw/ --slower 5ms / ])
{
	my $report = simulated(@$load, '--suggest');
	my $tried = tried($report);
	my $chosen = $report->{suggestions}[0];
	my %least = (
		fewest => sub ($s) { $s->{calls_per_request} },
		balanced => sub ($s) { $s->{calls_per_request} * latency($s) },
		fastest => \&latency
	);

	my $lowest = min map { $_->{latency_ms}{p99} } values %$tried;
	my $limit = "@$load" =~ /--slower/ ? $lowest + 5 : 1.2 * $lowest;

	cmp_ok(abs($chosen->{limit_ms} - $limit), '<', 0.01, "@$load: limit");
	cmp_ok($tried->{$chosen->{fewest}}{latency_ms}{p99}, '<=', $limit + 0.01,
		"@$load: p99 of the fewest calls is within it");

	for my $choice (sort keys %least) {
		my @may = grep {
			$choice ne 'fewest' || $_->{latency_ms}{p99} <= $limit
		} values %$tried;

		cmp_ok($least{$choice}->($tried->{$chosen->{$choice}}), '<=',
			1.02 * min(map { $least{$choice}->($_) } @may),
			"@$load: $choice, $chosen->{$choice}");
	}
}

# who is refused is not counted as fast

my $limited = simulated(qw/ --cost 180+0.6n --parallel unlimited --generate
	poisson --rate 200 --seconds 10 --limit 30r\/s --concurrency 4 --suggest /);
my $all = tried($limited);
my $refused = min map { $_->{requests_429} } values %$all;

for my $choice (qw/ fewest balanced fastest /) {
	my $s = $all->{$limited->{suggestions}[0]{$choice}};
	cmp_ok($s->{requests_429}, '<=', $refused + 0.002 * $s->{requests},
		"429: $choice");
}

ok(grep({ /rate=27r\/s/ } keys %$all), 'a limit of calls: "rate" is tried');

like((simulate(@poisson, qw{ --limit 5r/s --max-wait 100 --suggest }))[1],
	qr/^Whatever the setting, \d+ % of requests are refused or late\.$/m,
	'429: in any setting');

# nothing is promised where nothing can be saved

my $nothing = qr/^Hardly anything can be saved/m;

like((simulate(@poisson, qw/ --suggest --keys unique /))[1], $nothing,
	'unique keys: nothing to be saved');
like((simulate(@remote, qw/ --suggest --generate poisson --rate 0.5 /))[1],
	$nothing, 'few requests: nothing to be saved');
unlike((simulate(@poisson, '--suggest'))[1], $nothing, 'others: much');

# of a trace, too

my $trace = simulated(@remote, '--suggest', trace_file([ map { {
	request_id => "r$_", created_at_ms => 10 * $_, prompt => 'x', key => 'k'
} } 1 .. 400 ]));

is($trace->{suggestions}[0]{fewest} =~ s/ max_size=.*//r, 'slot patience=20%',
	'a trace');

# each load has its own, and seeds have a mean

my $loads = simulated(@remote, qw/ --suggest --generate poisson --seeds 2 /,
	'--rate', '20,500');

is(scalar(@{$loads->{suggestions}}), 2, 'several loads');

# what is printed is the configuration of a location

my (undef, $out) = simulate(@poisson, '--suggest', '--limit', '100r/s');
my @lines = $out =~ /^    (llm_batch_\w+ +[^;\n]+;)$/mg;

cmp_ok(scalar(@lines), '>=', 3, 'lines to be pasted');
like($out, qr/^The fewest calls with p99 up to .* 20 % above the lowest:$/m,
	'why: the fewest calls');
like($out, qr/^Balanced, .*\n.*latency:$/m, 'why: balanced');
like($out, qr/^The lowest latency, /m, 'why: the lowest latency');
like((simulate(@poisson, qw/ --suggest --slower 7ms /))[1],
	qr/, which is 7 ms above the lowest:$/m, 'why: a limit that was said');

my $t = Test::LLMBatch->new('llm-batch-sim suggests directives')
	->has('llm_batch');

my %blocks = map { $_ => 1 } $out =~ /((?:^    llm_batch_[^\n]+\n)+)/mg;

for my $block (sort keys %blocks) {
	$t->conf("location /v1/ {\n    llm_batch zone=llm;\n$block"
		. "    proxy_pass http://127.0.0.1:1;\n}\n");

	my ($code, $text) = $t->check_conf();
	is($code, 0, 'nginx takes them') or diag($block, $text);
}

# the frontier

my $svg = trace_file('', 'frontier.svg');
my ($code, $table, $err) = simulate(@remote, qw/ --generate poisson --rate /,
	'20,200', '--frontier', $svg);

is("$code$err", '0', 'frontier: no error');
like($table, qr/^20 requests\/s\n.*^200 requests\/s\n/ms, 'frontier: figures');

open my $fh, '<', $svg or die "$svg: $!\n";
my $picture = join '', <$fh>;
close $fh;

like($picture, qr/^<svg .*>20 requests\/s<.*>200 requests\/s<.*<\/svg>\s*\z/s,
	'frontier: a chart for each load');
like($picture, qr/>36ms</, 'frontier: fixed times are shares of a call');
like($picture, qr/>least calls of any policy/, 'frontier: the bound');
unlike($picture, qr/\b(?:nan|inf)\b/i, 'frontier: numbers');

# the bound is below all others: for each point of theirs, no more calls

my ($first) = split /200 requests/, $picture;
my @bound = map { [ split / / ] }
	$first =~ /<path d="M([\d.]+ [\d.]+)L\S+ \S+" stroke="#e69f00"/g;
my @points = $first =~ /<circle cx="([\d.]+)" cy="([\d.]+)"/g;

cmp_ok(scalar(@bound), '>', 20, 'frontier: a line of the bound');
cmp_ok(scalar(@points), '>=', 8, 'frontier: points');

while (my ($x, $y) = splice @points, 0, 2) {
	my @below = grep { $_->[1] > $y } @bound;
	my $next = @below ? $below[-1] : $bound[0];

	cmp_ok($x, '>=', $next->[0] - 40, "frontier: a point at $x, $y");
}

is((simulate(@remote, qw/ --clients 8 --frontier /, $svg))[0], 0,
	'frontier: clients');

($code, undef, $err) = simulate(@poisson, qw{ --frontier /nonexistent/x.svg });
is("$code $err", '1 llm-batch-sim: /nonexistent/x.svg: '
	. "No such file or directory\n", 'frontier: it cannot be written');

$t->done();
