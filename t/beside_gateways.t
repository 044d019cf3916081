#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards upstreams that are not asked by HTTP/1: FastCGI, uwsgi and SCGI, buffered
# or not, and that their caches do not see a call either; and gRPC's module.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Beside;
use Test::LLMBatch::Gateway;

my $t = Test::LLMBatch->new('beside gateways')->has(qw/ llm_batch http_v2 /);
my $mock = $t->backend();
my %port = (fastcgi => 8083, uwsgi => 8084, scgi => 8085);
my %gateway = map { $_ => Test::LLMBatch::Gateway->new(protocol => $_,
	addr => $t->addr(), port => $port{$_}, dir => $t->dir()) } keys %port;

my ($locations, $caches) = ('', '');

for my $name (sort keys %port) {
	my $pass = batch("llm_batch_ignore_headers X-Hash;")
		. join "\n", map { "${name}_param $_;" }
			'REQUEST_URI $request_uri', 'REQUEST_METHOD $request_method',
			'CONTENT_LENGTH $content_length',
			'CONTENT_TYPE $content_type', 'QUERY_STRING $query_string',
			'SCRIPT_NAME $uri';
	my $to = "${name}_pass %%ADDR%%:$port{$name};";

	$caches .= "${name}_cache_path %%DIR%%/cache-$name keys_zone=$name:1m;\n";
	$locations .= <<"CONF";
location /$name/ {
    $pass
    $to
}

location /$name-unbuffered/ {
    $pass
    ${name}_buffering off;
    $to
}

location /$name-variable/ {
    $pass
    set \$peer %%ADDR%%:$port{$name};
    ${name}_pass \$peer;
}

location /$name-cache/ {
    $pass
    ${name}_cache $name;
    ${name}_cache_methods POST;
    ${name}_cache_valid 200 1h;
    ${name}_cache_key \$http_x_hash;
    $to
}
CONF
}

$locations .= <<"CONF";
location /fastcgi-kept/ {
    @{[ batch() ]}
    fastcgi_param REQUEST_URI \$request_uri;
    fastcgi_keep_conn on;
    fastcgi_pass kept;
}
CONF

# it is indifferent to what HTTP/2 carries, so nginx can be its server

$locations .= <<"CONF";
location /grpc/ {
    @{[ batch() ]}
    grpc_pass grpc://unix:%%DIR%%/grpc;
}
CONF

$t->conf($locations, workers => 2, http => <<"HTTP");
server {
    listen unix:%%DIR%%/grpc http2;
    location / { proxy_pass http://backend; }
}
$caches
upstream kept { server %%ADDR%%:$port{fastcgi}; keepalive 4; }
HTTP

$t->run();

for my $name (sort keys %gateway) {
	asked($name, $_) for $name, "$name-unbuffered", "$name-variable";

	# kept under the key that all calls would have

	my $r = $t->request(one("$name-cache", 'alone',
		headers => { 'X-LLM-Latency-Budget-Ms' => 1 }));

	is_own_answer($r, "$name-cache: alone");
	asked($name, "$name-cache") for 1, 2;
}

asked('fastcgi', 'fastcgi-kept') for 1 .. 3;
is_merged($t, $mock, 'grpc') for 1, 2;
is(($mock->calls())[0]{method}, 'POST', 'grpc: a POST');

$t->done();


sub asked($name, $where) {
	my $gateway = $gateway{$name};

	$gateway->reset();

	my @r = together($t, $where, sub ($i) {
		return headers => $where =~ /cache/ ? { 'X-Hash' => $i } : {};
	});
	my ($call) = $gateway->calls();

	is_own_answer(\@r, "$where: own answers");
	is(sizes($gateway), N, "$where: one call");
	is($call->{params}{REQUEST_METHOD} // 'POST', 'POST', "$where: a POST");
	is($call->{params}{CONTENT_LENGTH} // length $call->{body},
		length $call->{body}, "$where: its length");
}
