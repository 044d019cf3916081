#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that an array of any size costs what a few calls cost: parts in the
# zone, calls, memory of a worker whose clients do not read.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Merge qw/ sizes /;
use Test::LLMBatch::Proc qw/ slurp /;

my $t = Test::LLMBatch->new('bounds of arrays')->has('llm_batch');
my $mock = $t->backend();
my $uri = '/v1/embeddings';

# an answer of 5 MB

my $n = 400;
my $row = '0.0123456789,' x 1024 . '1';
my $large = '{"object":"list","data":[' . join(',', map {
	qq({"object":"embedding","index":$_,"embedding":[$row]})
} 0 .. $n - 1) . '],"model":"m","usage":{"prompt_tokens":9,'
	. '"total_tokens":9}}';
my $big = $t->backend(8082, code => sub ($call) { { body => $large } });

$t->write_file('models.json', '{"models":[{"match":"ten","max_items":10}]}');
$t->conf(<<'EOF', http => 'llm_batch_models models.json;');
llm_batch zone=llm;
llm_batch_concurrency 2;
llm_batch_max_size 3;
llm_batch_max_wait 20s;
llm_batch_max_body 4m;
llm_batch_fallback_limit 1000%;
client_max_body_size 8m;

location / {
    proxy_pass http://backend;
}
location /many/ {
    llm_batch_split on max=1024;
    proxy_pass http://backend/;
}
location /small/ {
    llm_batch_max_response 20k;
    proxy_pass http://backend/;
}
location /big/ {
    llm_batch_concurrency 16;
    proxy_pass http://%%ADDR%%:8082/;
}
location = /plain {
    return 200 plain;
}
EOF
$t->run();

parts();
window();
gone();
response();
others();
memory();

$t->done();


sub of ($model, $n, $name = 'text') {
	return { model => $model, input => [ map { "$name $_" } 1 .. $n ] };
}

sub outcome ($r) {
	return join ' ', grep { $_ } map { $r->{headers}{$_} }
		qw/ x-status x-reason /;
}

# how many calls one request may become

sub parts {
	my $r = $t->request({ uri => $uri, body => of('ten', 640) });
	is_own_answer($r, '64 parts');
	is(outcome($r), 'SINGLE', '64 parts: status');
	is($mock->count(), 64, '64 parts: calls');

	for my $n (641, 6400) {
		$mock->reset();
		$r = $t->request({ uri => $uri, body => of('ten', $n) });
		is_own_answer($r, "$n items");
		is(outcome($r), 'BYPASS parts', "$n items: status");
		is(sizes($mock), $n, "$n items: in one piece");
	}

	# above max_size, but not above what the API takes

	$mock->reset();
	$r = $t->request({ uri => $uri, body => of('m', 2048) });
	is_own_answer($r, 'as many as the API takes');
	is(sizes($mock), 2048, 'as many as the API takes: in one piece');

	# more than there was thought to be, since an upstream takes very little

	$mock->reset();
	$mock->script(max_items => 2);
	$r = $t->request({ uri => $uri, body => of('little', 2000) });
	is($r->{status}, 400, 'hardly any: the answer of the upstream');
	is(outcome($r), 'FALLBACK parts', 'hardly any: status');
	cmp_ok($mock->count(), '<=', 66, 'hardly any: calls');
	$mock->script();
	$mock->reset();
}

# parts are made as earlier ones return

sub window {
	my $client = $t->client(timeout => 60);

	$mock->script(hold => 1);

	my $conns = $client->start({ uri => "/many$uri",
		body => of('ten', 10_000) });

	wait_for { $client->pump($conns); $mock->count() == 2 };
	wait_for { $t->metric('llm_batch_zone_requests') == 8 };
	is($t->metric('llm_batch_zone_requests'), 8, 'window: parts');
	is($mock->count(), 2, 'window: calls');

	$mock->script();
	$mock->release();

	my ($r) = $client->finish($conns);
	is_own_answer($r, 'window');
	is($mock->count(), 1000, 'window: all calls');
	is($t->metric('llm_batch_zone_requests'), 0, 'window: it is over');
	$mock->reset();
}

# the client may leave at any time

sub gone {
	for my $after (0, 0.01, 0.05, 0.2) {
		$mock->script(delay => 0.01);
		$t->request({ uri => "/many$uri", abort => $after,
			body => of('ten', 5000, "gone $after") });
		wait_for { $t->metric('llm_batch_zone_requests') == 0 };
		is($t->metric('llm_batch_zone_requests'), 0, "gone after $after s");
	}

	wait_for { $t->metric('llm_batch_inflight_calls') == 0 };
	$mock->script();
	$mock->reset();
}

# answers that are larger together than one may be

sub response {
	my $r = $t->request({ uri => "/small$uri", body => of('ten', 640) });
	is_own_answer($r, 'large together');
	is(outcome($r), 'FALLBACK response_size', 'large together: status');
	cmp_ok(scalar(() = $mock->calls()), '<', 64, 'large together: calls');
	is(($mock->calls())[-1]{items}, 640, 'large together: sent as it is');
	$mock->reset();
}

# what others get meanwhile

sub others {
	my $client = $t->client(timeout => 60);

	$mock->script(delay => 0.001);

	my $conns = $client->start({ uri => $uri,
		body => '{"model":"ten","input":['
			. join(',', ('"a"') x 60_000) . ']}' },
		{ uri => "/many$uri", body => of('ten', 10_000, 'a') });

	is($t->request({ uri => '/plain' })->{body}, 'plain',
		'another location');

	my (undef, $r) = $client->finish($conns);
	is_own_answer($r, 'beside it');
	$mock->script();
	$mock->reset();
}

# 40 answers of 5 MB, of which nobody reads more than what is sent at once

sub memory {
	my ($worker) = $t->workers();
	my $rss = sub {
		return slurp("/proc/$worker/status") =~ /VmRSS:\s+(\d+) kB/
			? $1 : die;
	};

	my $client = $t->client(timeout => 60);
	my $before = $rss->();
	my $conns = $client->start(map {
		{ uri => "/big$uri", body => of('m', $n, $_) }
	} 1 .. 40);

	$client->pump($conns) for 1 .. 20;
	wait_for { $big->count() == 40 };
	wait_for { ($t->metric('llm_batch_inflight_calls') // 1) == 0 };

	my $grown = $rss->() - $before;
	note("a worker has grown by $grown kB");

	SKIP: {
		skip 'memory of a sanitizer', 1 if $ENV{TEST_NGINX_SANITIZER};
		cmp_ok($grown, '<', 65536, 'who does not read: kB of a worker');
	}

	my @r = $client->finish($conns);
	is(scalar(grep { $_->{status} == 200 && $_->{body} eq $large } @r), 40,
		'who did not read: the answers');
}
