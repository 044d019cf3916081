#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards upstreams beside merging: ways to choose a peer and to go to the next
# one, peers that are dead, and answers that are not 200, which clients get as
# they get them alone.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::IP;
use List::Util qw/ sum0 /;

use Test::LLMBatch;
use Test::LLMBatch::Beside;

my $t = Test::LLMBatch->new('beside upstreams')->has('llm_batch');
my $mock = $t->backend();
my $other = $t->backend(8082);

# loopback has but one address of IPv6

my $port = 20000 + $$ % 20000;
my $v6 = IO::Socket::IP->new(LocalHost => '::1', LocalPort => $port,
	Listen => 1) ? "[::1]:$port" : '';

# how a peer is chosen; both peers are alive

my %balanced = (
	zone => 'zone peers 128k;',
	least_conn => 'least_conn;',
	hash_group => 'hash $llm_batch_group consistent;',
	hash_model => 'hash $llm_batch_model;',
	ip_hash => 'ip_hash;',
	random => 'zone random 128k; random two least_conn;',
	keepalive => 'keepalive 4;',
);

my ($upstreams, $locations) = ('', '');

for my $name (sort keys %balanced) {
	$upstreams .= "upstream $name { server %%ADDR%%:8081;
		server %%ADDR%%:8082; $balanced{$name} }\n";
	$locations .= place($name, "proxy_pass http://$name/;");
}

# port 8089 is nobody's

my %peers = (
	dead_first => 'server %%ADDR%%:8089; server %%ADDR%%:8081;',
	dead_zone => 'zone dead 128k; server %%ADDR%%:8089;
		server %%ADDR%%:8081;',
	dead_all => 'server %%ADDR%%:8089;',
	next_safe => 'server %%ADDR%%:8081 max_fails=0;
		server %%ADDR%%:8082 backup max_fails=0;',
	unix => 'server unix:%%DIR%%/hop;',
	ipv6 => "server @{[ $v6 || 'unix:%%DIR%%/hop' ]};",
);

for my $name (sort keys %peers) {
	$upstreams .= "upstream $name { $peers{$name} }\n";
	$locations .= place($name, "proxy_pass http://$name/;");
}

$locations .= place('next_any', 'proxy_next_upstream http_500
	non_idempotent; proxy_pass http://next_safe/;')
	. place('next_not', 'proxy_next_upstream http_500;
	proxy_pass http://next_safe/;')
	. place('variable', 'set $peer backend; rewrite ^/variable(.*) $1 break;
	proxy_pass http://$peer;')
	. place('address', 'set $peer %%ADDR%%:8081;
	rewrite ^/address(.*) $1 break; proxy_pass http://$peer;')
	. place('slow', 'proxy_read_timeout 300ms; proxy_pass http://backend/;')
	. place('plain', 'proxy_pass http://backend/;')
	. place('page', 'proxy_intercept_errors on; error_page 500 =200 /page;
	proxy_pass http://backend/;')
	. place('named', 'proxy_intercept_errors on; error_page 500 = @named;
	proxy_pass http://backend/;')
	. place('busy', 'proxy_intercept_errors on; error_page 429 =503 /page;
	proxy_pass http://backend/;');

$t->conf(<<"CONF", workers => 2, http => <<"HTTP");
$locations

location = /page {
    internal;
    default_type text/plain;
    return 200 page;
}

location \@named {
    rewrite ^/named(.*) \$1 break;
    proxy_pass http://%%ADDR%%:8082;
}
CONF
$upstreams
server {
    listen unix:%%DIR%%/hop;
    @{[ $v6 && "listen $v6;" ]}
    location / { proxy_pass http://backend; }
}
HTTP

$t->run();

for my $name (sort keys %balanced) {
	$other->reset();

	is_own_answer([ together($t, $name) ], "$name: own answers");
	is(sum0(map { $_->count() } $mock, $other), 1, "$name: one call");
	$mock->reset();
}

is_merged($t, $mock, $_) for qw/ dead_first dead_zone dead_first unix ipv6
	variable address /;

is(statuses(together($t, 'dead_all')), 502, 'dead_all: 502');

# to the next peer, if the location says that it may

$mock->script(status => 500);
$other->reset();
is_own_answer([ together($t, 'next_any') ], 'next_any: own answers');
is(sizes($other), N, 'next_any: one call');

$other->reset();
is(statuses(together($t, 'next_not')), 500, 'next_not: the error');
is($other->count(), 0, 'next_not: nothing is tried there');

# time-outs, and answers of all kinds

$mock->reset();
$mock->script(delay => 1);
is(statuses(together($t, 'slow')), 504, 'slow: 504');

for my $status (201, 202, 204, 302, 304, 400, 401, 403, 404, 405, 409, 413,
	422, 429, 500, 503)
{
	$mock->reset();
	$mock->script(status => $status, headers => { location => '/there' });
	is(statuses(together($t, 'plain')), $status, "$status: as alone");
}

for (qw/ 500:page:200 429:busy:503 /) {
	my ($status, $where, $page) = split /:/;

	$mock->reset();
	$mock->script(status => $status);

	my @r = together($t, $where);

	is(statuses(@r), $page, "$where: status");
	is((grep { $_->{body} ne 'page' } @r), 0, "$where: body");
}

$mock->script(status => 500);
is_own_answer([ together($t, 'named') ], 'named: own answers');

$t->done();


sub place($name, $more) {
	return "location /$name/ {\n" . batch() . "$more\n}\n";
}
