#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards a pause that the upstream asks for: who cannot wait for its end gets a
# 429 of ours at once, who can waits, there is no more than a call in a second
# meanwhile, and the first one that is taken ends it for all.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

use Test::LLMBatch::Fail;

use Time::HiRes qw/ time /;

my $uri = '/v1/embeddings';
my $t = Test::LLMBatch->new('pause')->has('llm_batch');
my $mock = $t->backend();

my $more = <<'EOF';
llm_batch_headers on;
proxy_pass http://backend;
EOF

$t->conf(<<EOF, workers => 2);
location / {
    llm_batch zone=llm;
    llm_batch_latency_threshold 0;
    llm_batch_max_wait 20s;
    $more
}
location /short/ {
    rewrite ^/short(.*) \$1 break;
    llm_batch zone=llm;
    llm_batch_max_wait 500ms;
    $more
}
location /page/ {
    rewrite ^/page(.*) \$1 break;
    llm_batch zone=llm;
    llm_batch_max_wait 500ms;
    error_page 429 /sorry;
    $more
}
location = /sorry {
    internal;
    return 429 "come back later";
}
location /fixed/ {
    rewrite ^/fixed(.*) \$1 break;
    llm_batch zone=llm;
    llm_batch_window fixed;
    llm_batch_max_size 2;
    llm_batch_max_wait 300ms;
    $more
}
location /rate/ {
    rewrite ^/rate(.*) \$1 break;
    llm_batch zone=llm;
    llm_batch_window rate=100r/s;
    llm_batch_max_wait 300ms;
    $more
}
location /dry/ {
    rewrite ^/dry(.*) \$1 break;
    llm_batch zone=llm dry_run;
    llm_batch_max_wait 300ms;
    $more
}
location /ten/ {
    rewrite ^/ten(.*) \$1 break;
    llm_batch zone=llm;
    llm_batch_max_tokens 30;
    llm_batch_max_wait 300ms;
    $more
}
EOF
$t->run();

my $model = 0;


sub ask($where, $input, %o) {
	return $t->request({ uri => "$where$uri", method => 'POST',
		body => { model => "m$model", input => $input },
		headers => $o{headers} // {} });
}

# one that is answered 429 makes a group of its own pause

sub begins($where, %headers) {
	$model++;
	$mock->reset();
	$mock->next({ status => 429, headers => { %headers,
		'x-ratelimit-remaining-requests' => 0 } });

	my $r = ask($where, 'first');

	return $r;
}

sub between($first, $last, @values) {
	return !grep { $_ < $first || $_ > $last } @values;
}

# who cannot wait

for my $where (qw{ /short /fixed /rate }) {
	my $r = begins($where, 'Retry-After' => 2);
	is("$r->{status} $r->{headers}{'retry-after'}"
		. " $r->{headers}{'x-ratelimit-remaining-requests'}", '429 2 0',
		"$where: the first gets the answer itself");

	my @r = $t->burst(20, "$where$uri",
		sub ($i) { { model => "m$model", input => "text $i" } });
	is(statuses(@r), '429', "$where: 429 to who cannot wait");
	ok(between(1, 2, map { $_->{headers}{'retry-after'} // 0 } @r),
		"$where: Retry-After");
	is(headers('retry-after-ms', @r), '', "$where: no Retry-After-Ms");
	is(headers('x-ratelimit-remaining-requests', @r), '',
		"$where: nothing of the upstream");
	ok(between(0, 0.4, map { $_->{time} } @r), "$where: at once")
		or diag(join ' ', map { $_->{time} } @r);
	is($mock->count(), 1, "$where: without a call");
	like(headers('x-llm-batch', @r),
		qr/^status=failed; reason=upstream_error$/, "$where: X-LLM-Batch");
	like($r[0]{body}, qr/429 Too Many Requests/, "$where: page of nginx");
}

# once per pause

is(scalar(() = $t->read_file('error.log') =~ /its group pauses for/g), 3,
	'logged once per pause');
cmp_ok($t->metric('llm_batch_requests_total{zone="llm",'
	. 'adapter="openai_embeddings",status="FAILED"}'), '>=', 60, 'counted');

# nothing is sent again in a pause, and who was in the call has not got 20 s

$model++;
$mock->reset();
$mock->next({ hold => 1, status => 500 }, { status => 429,
	headers => { 'Retry-After' => 2 } });
my $c = $t->client();
my $pair = $c->start(map { { uri => "/fixed$uri", method => 'POST',
	body => { model => "m$model", input => "pair $_" } } } 1 .. 2);
wait_for { $mock->count() == 1 };
is(ask('/fixed', 'third')->{status}, 429, 'not again: a pause begins');
$mock->release();
my @r = $c->finish($pair);
is(statuses(@r), '429', 'not again: 429');
ok(between(1, 2, map { $_->{headers}{'retry-after'} // 0 } @r),
	'not again: Retry-After');
is(sizes($mock), '2 1', 'not again: no call');

# in ms, as it was told, and for the clients of openai

my $r = begins('/page', 'Retry-After-Ms' => 2345);
like($r->{body}, qr/status 429/, 'error_page: the first is the upstream\'s');
$r = ask('/page', 'second');
is("$r->{status} $r->{body}", '429 come back later', 'error_page');
is($r->{headers}{'retry-after'}, 3, 'error_page: Retry-After, rounded up');
ok(between(1500, 2345, $r->{headers}{'retry-after-ms'} // 0),
	'error_page: Retry-After-Ms');

# a part of a request that was cut waits, if it is not for too long

$r = begins('/ten', 'Retry-After' => 70);
$r = ask('/ten', [ map { "cut $_" } 1 .. 25 ]);
is("$r->{status} $r->{headers}{'retry-after'}", '429 70', 'cut: too long');
is($mock->count(), 1, 'cut: no call');

$r = begins('/ten', 'Retry-After-Ms' => 700);
$r = ask('/ten', [ map { "cut $_" } 1 .. 25 ]);
is($r->{status}, 200, 'cut: waits');

# who can wait, among others that cannot and keep coming

sub storm($seconds, %o) {
	my $c = $t->client();
	my $waits = $c->start(map { { uri => $uri, method => 'POST',
		body => { model => "m$model", input => "waits $_" } } } 1 .. 5);
	my ($end, $n, %seen, @late) = (time + $seconds, 0);

	while (time < $end) {
		my $r = ask('', 'storm ' . $n++, headers => { 'X-LLM-Latency-Budget-Ms' => 500 });
		$seen{$r->{status}}++;
		push @late, $r->{time} if $r->{time} > 0.7;
		last if $r->{status} == 200 && !$o{all};
	}

	return (\%seen, \@late, $c, $waits);
}

begins('', 'Retry-After' => 2);
$mock->script(status => 429, headers => { 'Retry-After' => 2 });
my $start = time;
my ($seen, $late, $storm, $waits) = storm(4.5);

my @calls = map { $_->{time} } $mock->calls();
my @gaps = map { $calls[$_] - $calls[$_ - 1] } 1 .. $#calls;

is(join(' ', sort keys %$seen), '429', 'storm: 429 to who cannot wait');
cmp_ok($seen->{429}, '>', 20, 'storm: it was one');
is(scalar @$late, 0, 'storm: no budget is missed') or diag("@$late");
ok(between(0.9, 10, @gaps), 'storm: not more than a call in a second')
	or diag("@gaps");
ok(between(3, 6, scalar @calls), 'storm: but one in each')
	or diag("@calls");

# one that is taken is enough for all

$mock->script();
$mock->reset();
$start = time;
my ($after) = storm(5);
is($after->{200}, 1, 'recovery: the first that is taken');
cmp_ok(time - $start, '<', 1.5, 'recovery: within a second');

my $when = time;
@r = $storm->finish($waits);
is(statuses(@r), '200', 'recovery: who has waited is answered');
cmp_ok(time - $when, '<', 0.7, 'recovery: at once');

# at the end one call goes first

begins('', 'Retry-After-Ms' => 500);
$mock->next({ status => 429, headers => { 'Retry-After-Ms' => 500 } });
@r = $t->burst(30, $uri, sub ($i) {
	{ model => "m$model", input => "end $i" } });
is(statuses(@r), '200', 'the end: all are answered');
@calls = map { $_->{time} } $mock->calls();
ok(between(0.45, 5, map { $calls[$_] - $calls[$_ - 1] } 1, 2),
	'the end: one call goes first') or diag("@calls");
ok(between(0, 0.3, $calls[-1] - $calls[2]), 'the end: then all others')
	or diag("@calls");

# what is not ours is not refused

begins('/dry', 'Retry-After' => 2);
is(ask('/dry', 'second')->{status}, 200, 'dry_run');
begins('', 'Retry-After' => 2);
$r = $t->request({ uri => $uri, method => 'POST',
	body => { model => "m$model", input => 'x', stream => \1 } });
is($r->{status}, 200, 'passed through');

# a worker that quits holds nobody back

begins('', 'Retry-After' => 15);
$c = $t->client();
$waits = $c->start(map { { uri => $uri, method => 'POST',
	body => { model => "m$model", input => "quit $_" } } } 1 .. 4);
wait_for { $t->metric('llm_batch_queue_requests{zone="llm"}') >= 4 };
$start = time;
$t->reload(wait => 0);
@r = $c->finish($waits);
is(statuses(@r), '200', 'reload in a pause');
cmp_ok(time - $start, '<', 10, 'reload in a pause: at once');

# what was answered before a 429 is remembered as a rate

{
	my $one = { uri => $uri, method => 'POST',
		body => { model => 'limited', input => 'x' } };

	# the first 429 begins to count, if there were but a few answers before

	$mock->next({ status => 429, headers => { 'Retry-After-Ms' => 1 } });
	$t->request($one);

	$t->request($one) for 1 .. 12;
	$mock->next({ status => 429, headers => { 'Retry-After' => 1 } });
	$t->request($one);

	my $json = $t->request({ uri => '/llm-batch?format=json' })->{json};
	my ($group) = grep { $_->{name} eq ':limited' }
		@{$json->{zones}{llm}{groups}};

	cmp_ok($group->{rate_limit} // 0, '>', 0, 'a rate limit is remembered');
}

$t->done();
