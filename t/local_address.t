#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the address that clients have connected to.  On a wildcard address
# nginx asks the client's socket for it, and only if somebody wants to know: a
# call has to have it of its own, since it may ask when the client that lent
# its context is gone.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Fail qw/ sizes /;

my $t = Test::LLMBatch->new('local address')->has('llm_batch')
	->listen('wildcard');
my $mock = $t->backend();
my ($addr, $port) = ($t->addr(), $t->{at}{port});
my $uri = '/v1/embeddings';

$t->conf(<<'EOF', http => 'log_format port "$server_port"; access_log off;');
llm_batch zone=llm;
llm_batch_concurrency 1;
llm_batch_max_wait 20s;

location / {
    proxy_set_header Host $host:$server_port;
    proxy_set_header X-Server-Addr $server_addr;
    proxy_set_header X-Server-Port $server_port;
    proxy_pass http://backend;
}
location /before/ {
    set $port $server_port;
    proxy_set_header X-Server-Addr $server_addr;
    proxy_set_header X-Server-Port $port;
    proxy_pass http://backend/;
}
location /moved/ {
    set $port $server_port;
    proxy_pass http://backend/;
}
location @there {
    proxy_set_header X-Server-Addr $server_addr;
    proxy_set_header X-Server-Port $server_port;
    proxy_pass http://backend;
}
EOF
$t->run();

# as alone

for my $where ('', '/before') {
	$mock->reset();

	my @r = $t->plugged($mock, [ requests($where, 1 .. 4) ]);

	is_own_answer(\@r, "own answers: '$where'");
	is(sizes($mock), '1 4', "one call: '$where'");
	is(seen($_), "$addr $port", "its address, $_->{items} items: '$where'")
		for $mock->calls();
	is(($mock->calls())[-1]{headers}{host}, "localhost:$port",
		'$host:$server_port') if $where eq '';
}

# the lender leaves before the upstream answers, and the call goes elsewhere

$mock->reset();

my $client = $t->client();

$mock->next({ hold => 1 });
my $plug = $client->start(requests('/moved', 0));
wait_for { $mock->count() == 1 };

my @open = map { $client->start($_) } requests('/moved', 1 .. 6);
wait_for { ($t->metric('llm_batch_queue_requests') // 0) == 6 };

$mock->next({ hold => 1, status => 200,
	headers => { 'X-Accel-Redirect' => '@there' } });
$mock->release();
$client->finish($plug);
wait_for { $mock->count() == 2 };

$client->abort($_) for @open[0 .. 4];
$t->metric_is('llm_batch_cancelled_total{zone="llm",phase="sent"}', 5,
	'five have left');

$mock->release();
my @r = $client->finish($open[5]);

is_own_answer(\@r, 'who stays has its answer');
is(sizes($mock), '1 6 6', 'the call went elsewhere');
is(seen(($mock->calls())[-1]), "$addr $port",
	'its address, when its lender is gone');

$t->done();


sub requests ($where, @n) {
	return map { { uri => "$where$uri",
		body => { model => 'm', input => "text $_" } } } @n;
}

sub seen ($call) {
	return join ' ', map { $call->{headers}{$_} // 'none' }
		qw/ x-server-addr x-server-port /;
}
