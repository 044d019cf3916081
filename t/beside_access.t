#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards access control and limits beside merging: each client passes them for
# itself, before it is held, and who does not pass is in no call.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Beside;

my $t = Test::LLMBatch->new('beside access and limits')
	->has(qw/ llm_batch http_auth_request http_limit_req /);
my $mock = $t->backend();
my $batch = batch();

$t->conf(<<"CONF", workers => 2, http => <<'HTTP');
location /auth/ {
    auth_request /check;
    auth_request_set \$who \$upstream_http_x_who;
    $batch
    proxy_set_header X-Who \$who;
    add_header X-Who \$who;
    proxy_pass http://backend/;
}

location = /check {
    internal;
    $batch
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_pass http://check;
}

location /any/ {
    satisfy any;
    deny all;
    auth_request /check;
    $batch
    proxy_pass http://backend/;
}

location /all/ {
    satisfy all;
    allow 127.0.0.0/8;
    allow ::1;
    allow unix:;
    deny all;
    auth_request /check;
    $batch
    proxy_pass http://backend/;
}

location /deny/ {
    deny all;
    $batch
    proxy_pass http://backend/;
}

location /except/ {
    limit_except POST { deny all; }
    $batch
    proxy_pass http://backend/;
}

location /delay/ {
    limit_req zone=delay burst=20;
    $batch
    proxy_pass http://backend/;
}

location /nodelay/ {
    limit_req zone=nodelay burst=@{[ N - 1 ]} nodelay;
    limit_req_status 429;
    $batch
    proxy_pass http://backend/;
}

location /conn/ {
    limit_conn conn @{[ N ]};
    limit_conn_status 429;
    $batch
    proxy_pass http://backend/;
}
CONF
limit_req_zone $binary_remote_addr zone=delay:1m rate=100r/s;
limit_req_zone $binary_remote_addr zone=nodelay:1m rate=1r/m;
limit_conn_zone $binary_remote_addr zone=conn:1m;
upstream check { server unix:%%DIR%%/check; }
server {
    listen unix:%%DIR%%/check;
    if ($http_authorization = "") { return 401; }
    add_header X-Who "who $http_authorization" always;
    return 204;
}
HTTP

$t->run();

my %good = (more => { headers => { Authorization => 'good' } });

for my $where (qw/ auth any all /) {
	my @r = is_merged($t, $mock, $where, %good);
	my ($call) = $mock->calls();

	if ($where eq 'auth') {
		is(headers('x-who', @r), 'who good', 'auth: the value it sets');
		is($call->{headers}{'x-who'}, 'who good', 'auth: in the call');
	}

	$mock->reset();
	is(statuses(together($t, $where)), 401, "$where: nobody unknown");
	is($mock->count(), 0, "$where: no call for them");
}

# some of each: those who may are a call

$mock->reset();

my @r = $t->client()->finish($t->client()->start(map {
	one('auth', "mixed $_", $_ % 3 ? (headers => { Authorization => 'good' })
		: ())
} 1 .. N * 3 / 2));

is_own_answer([ grep { $_->{status} != 401 } @r ], 'mixed: own answers');
is((grep { $_->{status} == 401 } @r), N / 2, 'mixed: who may not');
is(sizes($mock), N, 'mixed: the others are one call');

is(statuses(together($t, 'deny')), 403, 'deny: nobody');

is_merged($t, $mock, 'except');
is($t->request(one('except', 'x', method => 'PUT'))->{status}, 403,
	'except: not by another method');

is_merged($t, $mock, 'delay');

# as many as may be at a time, and again when those are answered

@r = is_merged($t, $mock, 'nodelay');
is(statuses(together($t, 'nodelay')), 429, 'nodelay: too many');

is_merged($t, $mock, 'conn');

$mock->reset();
$mock->next({ hold => 1 });

my $client = $t->client();
my $conns = $client->start(map { one('conn', "more $_") } 1 .. N + 5);

wait_for { $client->pump($conns); 5 == grep { $_->{done} } @$conns };
$mock->release();
@r = $client->finish($conns);

is_own_answer([ grep { $_->{status} != 429 } @r ], 'conn: own answers, more');
is((grep { $_->{status} == 429 } @r), 5, 'conn: those above the limit');
is(sizes($mock), N, 'conn: the others are one call');

is_merged($t, $mock, 'conn', name => 'conn, again');

$t->done();
