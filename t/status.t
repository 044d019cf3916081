#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the status page: the metrics are what Prometheus takes, count what
# happened and no more, the JSON has what the documentation tells, the page
# needs nothing from elsewhere; and nothing a client sends is told to others.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";


use Test::LLMBatch;
use Test::LLMBatch::JSON;

my $t = Test::LLMBatch->new('status')->has('llm_batch');
my $mock = $t->backend();
my $uri = '/v1/embeddings';

for my $workers (1, 4) {
	$t->conf(<<'EOF', workers => $workers,
location / {
    llm_batch zone=llm;
    llm_batch_concurrency 1;
    llm_batch_max_size 64;
    llm_batch_max_wait 20s;
    llm_batch_fallback_limit 100%;
    proxy_pass http://backend;
}
location /second/ {
    llm_batch zone=second;
    llm_batch_window fixed;
    llm_batch_max_size 3;
    llm_batch_max_wait 20s;
    proxy_pass http://backend/;
}
location = /html { llm_batch_status html; }
location = /json { llm_batch_status json; }
location = /prometheus { llm_batch_status prometheus; }
EOF
		http => 'llm_batch_zone zone=second:1m;');
	$t->run();

	formats();
	prometheus();
	counts();
	json($workers);
	html();
	secrets();

	$t->quit() if $workers == 1;
}

$t->done();


sub get ($where, %headers) {
	return $t->request({ uri => $where, headers => \%headers });
}

sub type ($r) { return "$r->{status} " . ($r->{headers}{'content-type'} // '') }

sub formats {
	my %type = (html => '200 text/html; charset=utf-8',
		json => '200 application/json',
		prometheus => '200 text/plain; version=0.0.4; charset=utf-8');
	my $browser = 'text/html,application/xhtml+xml,*/*;q=0.8';

	for (sort keys %type) {
		is(type(get("/llm-batch?format=$_")), $type{$_}, "?format=$_");
		is(type(get("/$_")), $type{$_}, "llm_batch_status $_");
		is(type(get("/$_", Accept => $browser)), $type{$_},
			"llm_batch_status $_, whatever is accepted");
	}

	is(type(get('/llm-batch')), $type{prometheus}, 'no Accept');
	is(type(get('/llm-batch', Accept => '*/*')), $type{prometheus},
		'anything is accepted');
	is(type(get('/llm-batch', Accept => $browser)), $type{html},
		'a browser');
	is(type(get('/llm-batch', Accept => 'application/json')), $type{json},
		'JSON is accepted');
	is(type(get('/llm-batch', Accept => 'application/openmetrics-text;'
		. 'version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*')),
		$type{prometheus}, 'Prometheus');

	my $r = $t->request({ uri => '/llm-batch', method => 'HEAD' });
	is($r->{status}, 200, 'HEAD');
	is($t->request({ uri => '/llm-batch', body => '{}' })->{status}, 405,
		'POST');
}

sub prometheus {
	my $text = get('/prometheus')->{body};
	my (%type, %help, @odd);

	# the text format in short: one HELP and TYPE, before its samples

	for (split /\n/, $text) {
		if (/^# HELP (\w+) (.+)$/) {
			push @odd, $_ if $help{$1}++;

		} elsif (/^# TYPE (\w+) (counter|gauge|histogram)$/) {
			push @odd, $_ if exists $type{$1};
			$type{$1} = $2;

		} else {
			my ($name) = /^(\w+)\{(?:\w+="[^"\\]*",?)*\} [\d.]+$/;
			$name =~ s/_(?:bucket|sum|count)$// if defined $name
				and !exists $type{$name};
			push @odd, $_ unless $type{$name // ''};
		}
	}

	is_deeply(\@odd, [], 'prometheus: lines');
	is_deeply([ sort keys %help ], [ sort keys %type ],
		'prometheus: help for all');
	is(substr($text, -1), "\n", 'prometheus: the last line ends');

	my @missing = grep { !$type{"llm_batch_$_"} } qw/ requests_total
		bypass_total calls_total calls_saved_total items_total
		items_per_call wait_seconds upstream_seconds queue_requests
		inflight_calls fallback_total isolate_calls_total
		mismatch_total cancelled_total input_tokens_total breaker_open
		deadline_missed_total dedup_items_total cost_usd_total
		saved_usd_total zone_bytes orphans_recovered_total build_info
		illegal_transitions_total /;
	is("@missing", '', 'prometheus: all of them');

	like($text, qr/^llm_batch_build_info\{version="[\d.]+"\} 1$/m,
		'prometheus: version');

	SKIP: {
		skip 'no promtool', 1 unless `promtool --version 2>&1`;

		$t->write_file('metrics', $text);
		my $file = $t->dir() . '/metrics';
		my $out = `promtool check metrics < $file 2>&1`;
		is("$?: $out", '0: ', 'prometheus: promtool');
	}
}

sub counts {
	my %before = %{$t->metrics()};
	my $more = sub ($selector) {
		return ($t->metric($selector) // 0)
			- (Test::LLMBatch::Metrics::value(\%before, $selector)
				// 0);
	};

	my @r = $t->plugged($mock, [ map { {
		uri => $uri, body => { model => 'm', input => $_ }
	} } [ 1, 2 ], [ 3 ], [ [ 4 ], [ 5, 6 ] ] ]);

	$t->request({ uri => $uri, body => '[]' });

	is_own_answer(\@r, 'own answers');

	my %want = (
		'llm_batch_requests_total{zone="llm",status="MERGED"}' => 3,
		'llm_batch_requests_total{zone="llm",status="SINGLE"}' => 1,
		'llm_batch_requests_total{adapter="openai_embeddings",'
			. 'status="MERGED"}' => 3,
		'llm_batch_bypass_total{zone="llm",reason="json"}' => 1,
		'llm_batch_calls_total{close="slot"}' => 2,
		'llm_batch_calls_saved_total' => 2,
		'llm_batch_items_total' => 5,
		'llm_batch_items_per_call_count' => 2,
		'llm_batch_items_per_call_sum' => 5,
		'llm_batch_items_per_call_bucket{zone="llm",le="+Inf"}' => 2,
		'llm_batch_items_per_call_bucket{zone="llm",le="1"}' => 1,
		'llm_batch_wait_seconds_count' => 4,
		'llm_batch_upstream_seconds_count' => 1,
		'llm_batch_input_tokens_total{kind="exact"}' => 6,
		'llm_batch_requests_total{zone="second"}' => 0,
	);

	for (sort keys %want) {
		wait_for { $more->($_) == $want{$_} } 2;
		is($more->($_), $want{$_}, "counted: $_");
	}

	# another zone has counts of its own

	@r = $t->burst(3, "/second$uri",
		sub ($i) { { model => 'm', input => "text $i" } });
	is_own_answer(\@r, 'another zone: own answers');
	is($more->('llm_batch_calls_total{zone="second",close="size"}'), 1,
		'another zone: one call');
	is($more->('llm_batch_calls_total{zone="llm"}'), 2,
		'another zone: not in the first');

	# buckets go up

	my ($last, $odd) = (0, 0);

	for (grep { /^llm_batch_wait_seconds_bucket\{zone="llm"/ }
		split /\n/, get('/prometheus')->{body})
	{
		my ($n) = /(\d+)$/;
		$odd++ if $n < $last;
		$last = $n;
	}

	is($odd, 0, 'buckets are cumulative');
	cmp_ok($last, '>=', 4, 'buckets have it all');
}

sub json ($workers) {
	my ($client, $plug, $rest, $json) = $t->client();

	$mock->reset();
	$mock->next({ hold => 1 });

	my @requests = map { { uri => $uri, headers => {
		'X-LLM-Task' => 'embed' }, body => { model => "m\x{fc}",
		input => "$_" } } } 0 .. 3;

	$plug = $client->start(shift @requests);
	wait_for { $mock->count() == 1 } or diag('no plug');
	$rest = $client->start(@requests);

	my $group;

	ok(wait_for {
		$json = get('/json')->{json};
		($group) = grep { $_->{name} eq "embed:m\x{fc}" }
			@{$json->{zones}{llm}{groups}};
		$group and $group->{queued} == 3;
	}, 'json: a group, and who waits in it');

	is(join(' ', map { $group->{$_} } qw/ adapter inflight window
		concurrency max_size /), 'openai_embeddings 1 slot 1 64',
		'json: of a group');

	like($json->{version}, qr/^\d+\.\d+/, 'json: version');
	like($json->{uptime_seconds}, qr/^\d+$/, 'json: uptime');
	is(join(' ', sort map { $_->{pid} } @{$json->{workers}}),
		join(' ', sort $t->workers()), 'json: workers');
	is(join(' ', sort keys %{$json->{zones}}), 'llm second', 'json: zones');
	cmp_ok($json->{zones}{llm}{requests}{merged}, '>=', 3,
		'json: requests');
	is($json->{zones}{llm}{requests}{total},
		$t->metric('llm_batch_requests_total{zone="llm"}'),
		'json: all requests, as in the metrics');
	is($json->{zones}{llm}{calls}{total},
		$t->metric('llm_batch_calls_total{zone="llm"}'),
		'json: all calls, as in the metrics');

	$mock->release();
	is_own_answer([ $client->finish($plug), $client->finish($rest) ],
		'json: own answers');

	# a name that is no UTF-8, and one that would be too long

	for my $task ("\xff\xfe", "\xc3\xbc" x 500, '"\\<script>') {
		$t->request({ %{$requests[0]},
			headers => { 'X-LLM-Task' => $task } });
	}

	my $r = get('/json');
	ok($r->{json}, 'json: names of any kind') or diag($r->{body});
}

sub html {
	my $page = get('/html')->{body};

	like($page, qr/^<!DOCTYPE html>/i, 'html');
	unlike($page, qr!(?:src|href)\s*=|//[a-z]|url\(|\@import!i,
		'html: nothing from elsewhere');
}

# what clients send, in none of the pages and in no log

sub secrets {
	my @secret = map { "$_-" . int rand 1e9 } qw/ key cookie prompt other
		header /;

	$mock->script(many => { count => 1 });

	my @r = $t->plugged($mock, [ map { { uri => $uri, headers => {
		Authorization => "Bearer $secret[0]", Cookie => "c=$secret[1]",
		'X-Any' => $secret[4] }, body => { model => 'm',
		other => $secret[3], input => "$secret[2] $_" } } } 1 .. 3 ]);
	$mock->reset();

	is_own_answer(\@r, 'secrets: own answers');

	my $told = join "\n", map { get("/$_")->{body} }
		qw/ html json prometheus /;
	$told .= join '', grep { !/ \[debug\] / } split /^/,
		$t->read_file('error.log');

	is((grep { index($told, $_) >= 0 } @secret), 0, 'secrets: not told');
}
