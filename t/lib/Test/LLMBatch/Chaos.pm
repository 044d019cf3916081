package Test::LLMBatch::Chaos;

# Copyright (C) The ngx_http_llm_batch_module authors

# What the chaos tests share: their location, a load of mixed requests, and
# the account of what became of each of them.

use v5.36;

use Exporter qw/ import /;
use List::Util qw/ max /;
use Test::More;

use Test::LLMBatch;
use Test::LLMBatch::Speed qw/ slow /;

our @EXPORT = qw/ accounted all_in chaos_conf chaos_load empty_zone
	killed_workers mixed_body none_lost still_merges /;

my $uri = '/v1/embeddings';


# 4 workers; more: directives for the location; timeout: of the upstream;
# others as for conf()

sub chaos_conf($t, $more = '', %o) {
	my $timeout = delete $o{timeout} // '5s';

	return $t->conf(<<EOF, workers => 4, %o);
location / {
    llm_batch zone=llm;
    llm_batch_concurrency 2;
    llm_batch_max_size 16;
    llm_batch_max_wait 300ms;
    llm_batch_fallback_limit 100%;
    llm_batch_breaker failures=100000 cooldown=1s;
    proxy_read_timeout $timeout;
    $more
    proxy_pass http://backend;
}
EOF
}

# single texts, arrays, token arrays and base64; some are of models of their
# own, so they go alone

sub mixed_body($i) {
	my $input = $i % 5 == 0 ? [ map { "text $i.$_" } 1 .. 1 + $i % 3 ]
		: $i % 11 == 0 ? [ $i, $i + 1, 7 ]
		: "text $i";

	return { model => $i % 7 ? 'm' : "m$i", input => $input,
		$i % 4 == 1 ? (encoding_format => 'base64') : () };
}

# the same, and arrays that are cut, and texts that get their memory in steps

sub _load_body($i) {
	my $body = mixed_body($i);

	$body->{input} = [ map { "text $i.$_" } 1 .. 1 + $i * 7 % 70 ]
		if $i % 15 == 0;
	$body->{input} = "text $i " . 'x' x 150_000 if $i % 40 == 17;

	return $body;
}

# as load(), and "slowest": seconds that a right answer took at most, on a
# machine of ordinary speed

sub chaos_load($t, %o) {
	my $slowest = 0;
	my $check = $o{check} // \&own_answer_problem;

	my $load = $t->load(clients => 32, uri => $uri, timeout => 30,
		body => \&_load_body, %o,
		check => sub ($r) {
			$slowest = max($slowest, $r->{time});
			return $check->($r);
		});

	$load->{slowest} = $slowest / slow();

	return $load;
}

# starts n requests of a client, which nobody answers, and waits until the zone
# has them; returns their connections

sub all_in($t, $mock, $client, $n) {
	$mock->script(hold => 1);

	my $conns = $client->start(map {
		{ uri => $uri, body => mixed_body($_) }
	} 1 .. $n);

	wait_for { $n == ($t->metric('llm_batch_zone_requests') // 0) }
		or diag('they are not all in');

	return $conns;
}

# pids, from the error log

sub killed_workers($t) {
	return map { $_ => 1 } $t->read_file('error.log')
		=~ /worker process (\d+) exited on signal 9/g;
}

# three tests: all answers are right but those of clients whose worker died

sub accounted($t, $load, $n, $name) {
	my %killed = killed_workers($t);
	my @odd = grep { !$killed{$_->{worker} // ''} } @{$load->{lost}};

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(@{$load->{wrong}}, 0, "$name: no error, no wrong answer")
		or diag(_first($load->{wrong}));
	is(@odd, 0, "$name: only clients of dead workers lose connections");
	is($load->{ok} + @{$load->{lost}}, $n, "$name: all are accounted for");
}

# one test

sub none_lost($load, $n, $name) {
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($load->{ok}, $n, "$name: each gets its own answer") || diag(
		@{$load->{lost}} . ' lost, ' . @{$load->{wrong}} . ' wrong, '
		. _first([ @{$load->{wrong}}, @{$load->{lost}} ]));
}

sub _first($responses) {
	my $r = $responses->[0] // return 'none';
	return ($r->{problem} // $r->{error}) . "\n" . ($r->{head} // '');
}

# one test: the zone is as it was when nginx had started

sub empty_zone($t, $name) {
	my @bad;

	wait_for { !(@bad = $t->_left()) };

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok(!@bad, "$name: the zone is empty") || diag(@bad);
}

# two tests: requests are merged as ever

sub still_merges($t, $mock, $name) {
	$mock->reset();
	$mock->script(delay => 0.05);

	my @r = $t->burst(48, $uri, sub ($i) {
		{ model => 'm', input => "$name $i" }
	});

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_own_answer(\@r, "$name: answers afterwards");
	cmp_ok(scalar(() = $mock->calls()), '<', 24,
		"$name: fewer calls afterwards");
	$mock->reset();
}

1;
