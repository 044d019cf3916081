#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what only a client's connection can tell: the addresses of proxies in
# front, which are one member's in a call, and those that clients have
# connected to, which divide them where the configuration uses them.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;

use Test::LLMBatch;
use Test::LLMBatch::JSON;

my $t = Test::LLMBatch->new('values of connections')
	->has('llm_batch', 'http_realip')->listen('wildcard');
my $mock = $t->backend();
my $uri = '/v1/embeddings';
my @addr = ($t->addr(), '127.9.8.7');

$t->conf(<<'EOF', http => <<'HTTP');
llm_batch zone=llm;
llm_batch_concurrency 1;
llm_batch_max_wait 20s;

proxy_set_header X-Length $request_length;
proxy_set_header X-Request $request;
proxy_set_header Connection "";

location / {
    proxy_pass http://backend;
}
location /server/ {
    proxy_set_header X-Server $server_addr;
    proxy_pass http://backend/;
}
location /front/ {
    llm_batch off;
    proxy_set_header Connection "";
    proxy_pass http://%%ADDR%%:8083/;
}
EOF
server {
    listen %%ADDR%%:8083;
    location / {
        set_real_ip_from 127.0.0.0/8;
        real_ip_header X-Real-IP;
        llm_batch zone=llm;
        llm_batch_concurrency 1;
        llm_batch_max_wait 20s;
        proxy_set_header X-Client $remote_addr;
        proxy_set_header X-Front $realip_remote_addr;
        proxy_pass http://backend;
    }
}
HTTP
$t->run();

my @r = $t->plugged($mock, [ map { request('/front', $_,
	'X-Real-IP' => '192.0.2.1') } 1 .. 4 ]);
my @calls = $mock->calls();

is_own_answer(\@r, 'realip');
is(join(' ', map { $_->{items} } @calls), '1 4', 'realip: one call');
is($calls[-1]{headers}{'x-client'}, '192.0.2.1', 'realip: of a client');
like($calls[-1]{headers}{'x-front'}, qr/^127\./, 'realip: the address before');

$mock->reset();
@r = $t->plugged($mock, [ map { request('', $_) } 1 .. 4 ]);
@calls = $mock->calls();

is_own_answer(\@r, 'the call itself');
is($calls[-1]{headers}{'x-length'}, length $calls[-1]{body},
	'$request_length is the length of its body');
is($calls[-1]{headers}{'x-request'}, "POST $uri HTTP/1.1",
	'$request is its own line');

# clients of two addresses of the server

my $queue = sub { $t->metric('llm_batch_queue_requests') // 0 };
my @open;

$mock->reset();
$mock->script(hold => 1);

for my $n (0 .. 5) {
	my $client = $t->client(addr => $addr[$n % 2]);

	push @open, [ $client, $client->start(request('/server', $n)) ];
	wait_for { $mock->count() + $queue->() == $n + 1 };
}

$mock->script();
$mock->release();

@r = map { $_->[0]->finish($_->[1]) } @open;
@calls = $mock->calls();

is_own_answer(\@r, 'two addresses');
is(join(' ', sort map { $_->{items} } @calls), '1 1 2 2',
	'two addresses: each has its calls');
is(join(' ', uniq sort map {
	my $call = $_;
	my $input = decode_json($call->{body})->{input};
	map { ($_ =~ /(\d+)/)[0] % 2 . " $call->{headers}{'x-server'}" }
		ref $input ? @$input : $input;
} @calls), "0 $addr[0] 1 $addr[1]", 'two addresses: to each its own');

$t->done();


sub request ($where, $n, @headers) {
	return { uri => "$where$uri", headers => { @headers },
		body => { model => 'm', input => "text $n" } };
}
